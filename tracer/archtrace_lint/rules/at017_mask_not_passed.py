"""AT017: a padded batch goes into an encoder without its attention mask."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from archtrace_lint.dataflow.abstract_values import Encoding, Model, TokenIds, has, only
from archtrace_lint.dataflow.architectures import is_encoder, name_pattern
from archtrace_lint.dataflow.events import ModelRun, SourceModule
from archtrace_lint.dataflow.spellings import ENCODERS, word_set
from archtrace_lint.rule import Match, Rule
from archtrace_lint.rules.def_use import FunctionNodes, backward_slice, scope_of
from archtrace_lint.rules.readouts import abbreviated
from archtrace_lint.source.syntax import last_word

#: Ids of generated texts, or of the other side of a pair.
_OTHER_IDS = re.compile(r"\w*(decoder|label|target|tgt|generated|output|response|sequence|position|segment|type)\w*")

#: Words of a decoder, whose tokens do not attend to later ones, or of models that are used with their padding.
_NO_ENCODER = re.compile(
    rf"\w*(causal|lm_?head|{name_pattern('decoders')}|opt_model|generat|reward|v_head|value_head|diffus|clip|past_key|decoder"
    r"|llm)\w*|" + name_pattern("unmasked"),
    re.IGNORECASE,
)

#: Packages whose models take a mask, and use one of ones without it.
_LIBRARIES = word_set("transformers pytorch_transformers pytorch_pretrained_bert")

#: Names of classes that may be models.
_KINDS = re.compile(f"{name_pattern('encoders')}|encoder|transformer|model", re.IGNORECASE)

#: Names of masks of a batch.
_MASKS = re.compile(r"(\w*_)?(input|attention|attn)_masks?")

#: Attributes by which an encoder's outputs are read.
_STATES = word_set("last_hidden_state pooler_output hidden_states")


def check(module: SourceModule) -> Iterator[Match]:
    """A call on ids that are padded, or that have a mask beside them, which passes no mask to the model."""
    for run in module.events_of(ModelRun):
        # The call by itself first: most calls pass a mask, and the scope of a call takes a walk.
        if _lacks_mask(run.node) and not run.scope.without_mask:
            scope = scope_of(run.node, module.tree)
            if _is_padded(run, scope) and _runs_encoder(run, scope, module) and not _is_intended(run, scope, module):
                message = f"`{abbreviated(run.node, 34)}` attends to padding; pass attention_mask too"
                yield Match(run.node, run.scope.function, message)


def _lacks_mask(call: ast.Call) -> bool:
    """At most one positional argument, as the second is the mask; no keyword for a mask; no `*` or `**`."""
    keywords = [k.arg for k in call.keywords]
    has_ids_alone = len(call.args) == 1 or "input_ids" in keywords
    has_unpacking = None in keywords or any(isinstance(a, ast.Starred) for a in call.args)
    # XLM makes its mask of `lengths` (transformers 5.23.0, models/xlm/modeling_xlm.py, get_masks).
    return has_ids_alone and not has_unpacking and not any("mask" in k or "length" in k for k in keywords if k)


def _ids(call: ast.Call) -> ast.expr:
    return call.args[0] if call.args else next(k.value for k in call.keywords if k.arg == "input_ids")


def _is_padded(run: ModelRun, scope: FunctionNodes) -> bool:
    """The ids come from a tokenizer that pads, have a mask beside them, or are compared with 0."""
    node = _ids(run.node)
    # Generated ids do not have the mask of the batch that they were generated from.
    if _OTHER_IDS.fullmatch(last_word(node).lower()):
        return False
    token_ids = only(run.ids, TokenIds)
    encodings = [i.encoding for i in token_ids if i.encoding] + only(run.ids, Encoding)
    if encodings:
        # The call of the tokenizer is known: it padded, or it did not.
        return any(e.padded for e in encodings)
    compared = isinstance(node, ast.Name) and any(_is_not_zero_test(n, node.id) for n in scope.nodes)
    masks = run.padded or any(isinstance(n, ast.Name) and _MASKS.fullmatch(n.id) for n in scope.nodes)
    return compared or (any(not i.weak for i in token_ids) and masks)


def _is_not_zero_test(node: ast.AST, name: str) -> bool:
    """`ids != 0`: where the pad id is 0, that is the mask."""
    zero = (
        isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.NotEq) and ast.unparse(node.comparators[0]) == "0"
    )
    return zero and isinstance(node, ast.Compare) and last_word(node.left) == name


def _runs_encoder(run: ModelRun, scope: FunctionNodes, module: SourceModule) -> bool:
    """An encoder by class, checkpoint or name; else a model whose states are read, in a module without decoders."""
    models = only(run.models, Model)
    if models and all(is_encoder(m) for m in models):
        return True
    if any(_NO_ENCODER.fullmatch(m.class_name) or _NO_ENCODER.search(m.checkpoint) for m in models):
        return False
    if ENCODERS.fullmatch(run.name):
        return True
    # `model` and `encoder` may be any model. In a decoder, padding on the right reaches no token before it.
    return _gives_states(run.node, scope) and not any(map(_names_decoder, ast.walk(module.tree)))


def _names_decoder(node: ast.AST) -> bool:
    return _NO_ENCODER.fullmatch(_word(node)) is not None


def _word(node: ast.AST) -> str:
    if isinstance(node, ast.alias):
        return node.name
    if isinstance(node, ast.keyword | ast.arg):
        return node.arg or ""
    return last_word(node)


def _gives_states(call: ast.Call, scope: FunctionNodes) -> bool:
    """`model(ids).last_hidden_state`, also through a name."""
    parent = scope.parents.get(id(call))
    if isinstance(parent, ast.Attribute):
        return parent.attr in _STATES
    names = {t.id for t in parent.targets if isinstance(t, ast.Name)} if isinstance(parent, ast.Assign) else set()
    read = (n for n in scope.nodes if isinstance(n, ast.Attribute) and n.attr in _STATES)
    return any(isinstance(n.value, ast.Name) and n.value.id in names for n in read)


def _is_intended(run: ModelRun, scope: FunctionNodes, module: SourceModule) -> bool:
    """The pads were removed before, the mask is made inside, or the same model is called with the mask as well."""
    mask_words = [n for n in backward_slice(_ids(run.node), scope) if "mask" in _word(n) or "unpad" in _word(n)]
    other_calls = [n for n in scope.nodes if isinstance(n, ast.Call) and n is not run.node]
    # Code that passes the mask in one call here omits it from the other on purpose.
    is_called_with_mask = any(
        ast.unparse(n.func) == ast.unparse(run.node.func) and not _lacks_mask(n) for n in other_calls
    )
    return bool(mask_words) or is_called_with_mask or _may_be_own_class(run, module)


def _may_be_own_class(run: ModelRun, module: SourceModule) -> bool:
    """`self.encoder` may be an instance of a custom class with a similar name, which may make the mask itself.

    Constructors without words of a rule are not followed, so the names of the classes in the file have to do.
    """
    if run.scope.owner is None or has(run.models, Model):
        return False
    own_classes = [n.name for n in module.tree.body if isinstance(n, ast.ClassDef) and n is not run.scope.owner]
    imported = [name for name, origin in module.imports.items() if origin.split(".")[0] not in _LIBRARIES]
    return any(_KINDS.search(name) and name[:1].isupper() for name in [*own_classes, *imported])


RULE = Rule(
    code="AT017",
    name="mask-not-passed",
    summary="A padded batch goes into an encoder without its attention mask, although the mask is there.",
    why="""Without a mask, a transformers model treats every id as a token. In an encoder, all tokens of a text then
attend to its padding. So each of their vectors, also that of [CLS], depends on how long the other texts in the
batch are. Using the mask afterwards, for a mean over the tokens, does not help. transformers warns once, and only
if it knows the pad id.""",
    real=(
        "songyouwei/ABSA-PyTorch: `aen.py` counts the tokens that are not 0, and gives BERT the ids alone",
        "lm-sys/FastChat, bentrevett/pytorch-sentiment-analysis and Sentiment-Bert",
    ),
    instead="""```python
hidden = model(batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state
```

or pass everything that the tokenizer returns: `model(**batch)`.""",
    unseen="""Padding that another module made, if neither a mask nor a padding tokenizer is in the same function.
Decoders, since with padding on the right their tokens do not see the pads. If the model's name says little
(`model`, `encoder`), the rule reports only if hidden states are read and nothing in the module points to a decoder.
It says nothing about your own classes, which may make the mask themselves.""",
    valid={
        "the mask is passed": """
            def embed(texts, tokenizer, model):
                batch = tokenizer(texts, padding=True, return_tensors="pt")
                return model(batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state[:, 0]
            """,
        "the mask is passed by position": """
            def forward(self, input_ids, attention_mask):
                return self.fc(self.bert(input_ids, attention_mask)[1])
            """,
        "everything that the tokenizer returns": """
            def embed(texts, tokenizer, bert):
                batch = tokenizer(texts, padding="longest", return_tensors="pt")
                return bert(**batch).pooler_output
            """,
        "one text": """
            def embed(text, tokenizer, model):
                batch = tokenizer(text, padding=True, return_tensors="pt")
                return model(batch["input_ids"]).last_hidden_state[:, 0]
            """,
        "no padding": """
            def embed(texts, tokenizer, model):
                batch = tokenizer(texts, return_tensors="pt")
                return model(batch["input_ids"]).last_hidden_state[:, 0]
            """,
        "a decoder": """
            from transformers import AutoModelForCausalLM, AutoTokenizer

            tokenizer = AutoTokenizer.from_pretrained("gpt2")
            model = AutoModelForCausalLM.from_pretrained("gpt2")


            def states(texts):
                batch = tokenizer(texts, padding=True, return_tensors="pt")
                return model(batch["input_ids"], output_hidden_states=True).hidden_states
            """,
        "your own class": """
            import torch


            class Encoder(torch.nn.Module):
                def forward(self, ids):
                    return self.layers(self.embed(ids), mask=ids != 0)


            class Classifier(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.encoder = Encoder()

                def forward(self, input_ids, attention_mask):
                    return self.encoder(input_ids).last_hidden_state * attention_mask[..., None]
            """,
        "there is no mask": """
            def forward(self, input_ids, attention_mask=None):
                if attention_mask is None:
                    return self.bert(input_ids)[0]
                return self.masked(input_ids, attention_mask)
            """,
    },
    invalid={
        "the mask is used only for the mean": """
            def embed(texts, tokenizer, model):
                batch = tokenizer(texts, padding=True, return_tensors="pt")
                states = model(input_ids=batch["input_ids"]).last_hidden_state
                mask = batch["attention_mask"].unsqueeze(-1)
                return (states * mask).sum(1) / mask.sum(1)
            """,
        "a mask that is not used": """
            def forward(self, input_ids, attention_mask, token_type_ids):
                outputs = self.bert(input_ids, token_type_ids=token_type_ids)
                return self.classifier(outputs[1])
            """,
        "padding to the maximum length": """
            from transformers import AutoTokenizer, BertModel

            tokenizer = AutoTokenizer.from_pretrained("bert-base-uncased")
            encoder = BertModel.from_pretrained("bert-base-uncased")


            def vectors(texts):
                ids = tokenizer(texts, padding="max_length", return_tensors="pt").input_ids
                return encoder(ids).pooler_output
            """,
        "ids are compared with 0": """
            import torch


            def forward(self, inputs):
                context, target = inputs
                length = torch.sum(context != 0, dim=-1)
                states, _ = self.bert(context)
                return self.attend(states, length, target)
            """,
        "a batch from a loader": """
            def evaluate(bert, loader, head):
                for batch in loader:
                    b_input_ids, b_input_mask, b_labels = batch
                    pooled = bert(b_input_ids, token_type_ids=None)[1]
                    yield head(pooled), b_labels
            """,
    },
    check=check,
)
