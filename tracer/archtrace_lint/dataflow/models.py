"""Tokenizers, models and adapter configs: the calls that make them, and the calls on them."""

from __future__ import annotations

import ast
import re

from archtrace_lint.dataflow import spellings
from archtrace_lint.dataflow.abstract_values import (
    UNKNOWN,
    AbstractValue,
    AbstractValues,
    AdapterConfig,
    Const,
    Encoding,
    Hidden,
    Many,
    Model,
    ModelOutput,
    Prompts,
    Table,
    TokenIds,
    Tokenizer,
    Tokens,
    constant,
    has,
    only,
    singleton,
)
from archtrace_lint.dataflow.events import Built, ModelRun
from archtrace_lint.dataflow.site import ANY, CallHandler, Site
from archtrace_lint.dataflow.token_axes import pooling_layer
from archtrace_lint.source.syntax import last_word

#: Callees that make a pipeline: the function of transformers, or a wrapper of it (`pipeline_builder`).
_PIPELINES = re.compile(r"(\w*_)?pipeline(_\w+)?")


def _text(values: AbstractValues) -> str:
    text = constant(values)
    return text if isinstance(text, str) else ""


def _from_pretrained(site: Site) -> AbstractValues | None:
    """`Class.from_pretrained("id", ...)`."""
    if site.name not in ("from_pretrained", "from_config") or not isinstance(site.node.func, ast.Attribute):
        return None
    class_name = last_word(site.node.func.value)
    checkpoint_argument = (
        site.arguments[0] if site.arguments else site.keywords.get("pretrained_model_name_or_path", UNKNOWN)
    )
    # `from_config` draws the weights, whatever checkpoint the config is of.
    checkpoints = _possible_texts(checkpoint_argument) if site.name == "from_pretrained" else [""]
    checkpoint_expression = ast.unparse(site.node.args[0]) if site.node.args else ""
    if spellings.TOKENIZERS.fullmatch(class_name):
        side = _text(site.keywords.get("padding_side", UNKNOWN))
        return _emit_built(site, *(Tokenizer(side, checkpoint, checkpoint_expression) for checkpoint in checkpoints))
    # `AutoConfig.from_pretrained` loads no weights, so it makes no model.
    class_names = [k for k in _classes(class_name, site) if not k.endswith("Config")]
    if not class_names:
        return None
    without_pooler = constant(site.keywords.get("add_pooling_layer", UNKNOWN)) is False
    models = [
        Model(class_name, checkpoint, without_pooler, checkpoint_expression)
        for class_name in class_names
        for checkpoint in checkpoints
    ]
    site.frame.file.module.models += models
    return _emit_built(site, *models)


def _classes(name: str, site: Site) -> list[str]:
    """The classes that a name may be: itself, or those assigned to it, `kind = One if small else Other`."""
    # `cls.from_pretrained` in a custom class may make any of its subclasses.
    if name[:1].isupper() or name in ("cls", "self", "super"):
        return [name] if name[:1].isupper() else []
    nodes = ast.walk(site.frame.file.module.tree)
    assigned = [n.value for n in nodes if isinstance(n, ast.Assign) and last_word(n.targets[0]) == name]
    candidates = [
        part for value in assigned for part in ([value.body, value.orelse] if isinstance(value, ast.IfExp) else [value])
    ]
    return sorted({word for part in candidates if spellings.PASSED_CLASSES.fullmatch(word := last_word(part))})


def _pipeline(site: Site) -> AbstractValues | None:
    """`pipeline("text-classification", model=...)`, also by another name; without a model, an encoder."""
    task = site.arguments[0] if site.arguments else site.keywords.get("task", UNKNOWN)
    if not _PIPELINES.fullmatch(site.name) or _text(task) not in spellings.CLASSIFYING or "model" not in site.keywords:
        return None
    model = site.keywords["model"]
    built_model = next(iter(only(model, Model)), Model(""))
    return _emit_built(
        site, Model(spellings.PIPELINE, _text(model) or f"{built_model.checkpoint} {built_model.class_name}".strip())
    )


def _possible_texts(values: AbstractValues) -> list[str]:
    """The strings among the values; `""` for an unknown one if there are none."""
    return sorted(v.value for v in only(values, Const) if isinstance(v.value, str)) or [""]


def _emit_built(site: Site, *built: Model | Tokenizer) -> AbstractValues:
    for value in built:
        site.frame.emit(Built(site.node, site.frame.scope(), value))
    return frozenset(built)


def _adapter(site: Site) -> AbstractValues | None:
    if not spellings.ADAPTERS.fullmatch(site.name):
        return None
    return singleton(AdapterConfig(site.name, tuple(site.keywords.items()), site.node))


def _encoded(site: Site) -> AbstractValues | None:
    """`tokenizer(texts, padding=True)`."""
    direct = isinstance(site.node.func, ast.Name) or site.name not in spellings.TOKENIZING
    word = last_word(site.node.func if direct else site.node.func.value)  # type: ignore[attr-defined]
    tokenizers = only(site.base, Tokenizer)
    if not tokenizers and not spellings.TOKENIZERS.fullmatch(word):
        return None
    # `BertTokenizer(vocab_file)` makes a tokenizer and encodes nothing.
    if word[:1].isupper():
        return None
    if isinstance(site.node.func, ast.Attribute) and direct and spellings.meaning(site.name) == "" and tokenizers:
        return None if not spellings.TOKENIZERS.fullmatch(site.name) else _encoding(site, tokenizers)
    return _encoding(site, tokenizers)


def _encoding(site: Site, tokenizers: list[Tokenizer]) -> AbstractValues:
    padding = constant(_keyword(site, "padding"))
    # `padding=True` pads to the longest text (transformers 5.23.0, tokenization_utils_base.py): alone, a text is its
    # own longest.
    padded = padding == "max_length" or (padding in (True, "longest") and not _is_single_text(site))
    side = _text(site.keywords.get("padding_side", UNKNOWN)) or next((t.side for t in tokenizers), "")
    unpadded = site.name != "pad" and not site.unpacked and "padding" not in site.keywords
    return singleton(Encoding(padded, side, unpadded))


def _keyword(site: Site, name: str) -> AbstractValues:
    """A keyword argument, also from an unpacked dictionary: `tokenizer(texts, **{"padding": True})`."""
    dictionaries = (dict(table.items) for values in site.unpacked for table in only(values, Table))
    return site.keywords.get(name) or next((items[name] for items in dictionaries if name in items), UNKNOWN)


def _is_single_text(site: Site) -> bool:
    """A single text is tokenized: a string literal, a name for one text, or a list of one item."""
    text_arguments = [*site.node.args[:1], *(k.value for k in site.node.keywords if k.arg == "text")]
    return any(
        isinstance(node, ast.JoinedStr)
        or (isinstance(node, ast.List) and len(node.elts) == 1 and not isinstance(node.elts[0], ast.Starred))
        or (isinstance(node, ast.Constant) and isinstance(node.value, str))
        or spellings.ONE_TEXT.fullmatch(last_word(node)) is not None
        for node in text_arguments
    )


def emit_model_run(site: Site) -> None:
    """Emit an event for `self.bert(ids)` and `model(input_ids=ids)`."""
    is_backbone = site.name != "forward" and spellings.BACKBONES.fullmatch(site.name)
    if site.library or not (is_backbone or has(site.base, Model)):
        return
    ids = site.arguments[0] if site.arguments else site.keywords.get("input_ids", UNKNOWN)
    site.frame.emit(ModelRun(site.node, site.frame.scope(), site.name, site.base, ids, site.frame.mask_in_sight()))


def _model_output(site: Site) -> AbstractValues | None:
    """`model(**encoding)`, `self.backbone(input_ids, attention_mask=mask)`."""
    if site.library or not (has(site.base, Model) or spellings.BACKBONES.fullmatch(site.name)):
        return None
    inputs = [v for values in site.everything for value in values for v in _list_items(value)]
    has_text_input = any(isinstance(v, TokenIds | Encoding | Tokens | Prompts) for v in inputs)
    if (
        not has_text_input
        and not site.unpacked
        and not {"input_ids", "inputs_embeds", "attention_mask"} & site.keywords.keys()
    ):
        return _states_passed_on(site)
    model = next(iter(only(site.base, Model)), None)
    encoding = next(filter(None, map(_encoding_of, inputs)), None)
    has_prompts = any(isinstance(v, Prompts) and v.prepended for v in inputs)
    # Whether `model(...)` has a head is unknown, so its output is taken for logits, a mean of which is no pooling.
    any_model = spellings.ANY_MODEL.fullmatch(site.name) and not spellings.TEXT_MODELS.fullmatch(site.name)
    kind = "logits" if model is None and any_model else "hidden"
    output = singleton(ModelOutput(model, encoding, has_prompts, _is_on_text(site, inputs), kind, _layers(site)))
    site.frame.remember(f"{site.name}()", output)
    return output


def _list_items(value: AbstractValue) -> list[AbstractValue]:
    """The items of a list, as Keras passes inputs: `bert([ids, mask])`; of any other value, the value itself."""
    return [v for item in value.items for v in item] if isinstance(value, Many) else [value]


def _layers(site: Site) -> tuple[int, ...]:
    """The indices that all layers' states may have: after the pooled vector or in its place, before the attentions."""
    if constant(site.keywords.get("output_hidden_states", UNKNOWN)) is not True:
        return ()
    # (states, pooled, layers, attentions), without those that were not requested or that the model lacks.
    return (1,) if "output_attentions" in site.keywords else (1, 2, -1)


def _is_on_text(site: Site, inputs: list[AbstractValue]) -> bool:
    """Whether a model surely runs on a text, by its arguments or by its name."""
    if (
        {"input_ids", "attention_mask"} & site.keywords.keys()
        or site.unpacked
        or spellings.TEXT_MODELS.fullmatch(site.name)
    ):
        return True
    return any(isinstance(v, Encoding | Prompts) or (isinstance(v, TokenIds | Tokens) and not v.weak) for v in inputs)


def _encoding_of(value: AbstractValue) -> Encoding | None:
    """The encoding itself, or the one that ids belong to."""
    return value.encoding if isinstance(value, TokenIds) else value if isinstance(value, Encoding) else None


def _states_passed_on(site: Site) -> AbstractValues | None:
    """A backbone called on vectors (`self.transformer(x)`): vectors."""
    first = site.arguments[0] if site.arguments else UNKNOWN
    return frozenset(only(first, Hidden)) or None


def _embedded(site: Site) -> AbstractValues | None:
    """`self.token_embedding(ids)`."""
    first = site.arguments[0] if site.arguments else UNKNOWN
    if site.library or not has(first, TokenIds) or not spellings.EMBEDDERS.fullmatch(site.name):
        return None
    return singleton(Hidden(sure=True))


#: Handlers of calls that return a tokenizer, a model or an adapter config, or that call one.
MAKERS: tuple[CallHandler, ...] = (
    CallHandler(_from_pretrained, ("from_pretrained", "from_config").__contains__),
    CallHandler(_pipeline, _PIPELINES.fullmatch),
    CallHandler(_adapter, spellings.ADAPTERS.fullmatch),
    CallHandler(pooling_layer, (spellings.AVERAGES | spellings.TOKEN_AVERAGES).__contains__),
    CallHandler(_encoded, lambda name: name in spellings.TOKENIZING or spellings.TOKENIZERS.fullmatch(name), ANY),
    CallHandler(_model_output, spellings.BACKBONES.fullmatch, ANY),
    CallHandler(_embedded, if_known=spellings.EMBEDDERS.fullmatch),
)
