"""Calls to abstract values: tensor operations, gathers, models and tokenizers, and helpers of the same module."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from archtrace_lint.dataflow import spellings
from archtrace_lint.dataflow.abstract_values import (
    UNKNOWN,
    AbstractValue,
    AbstractValues,
    AxisLength,
    Const,
    Count,
    FirstPad,
    Hidden,
    HighestId,
    Layer,
    Many,
    MaskedSum,
    Model,
    ModelOutput,
    Prompts,
    Side,
    Table,
    Tokenizer,
    constant,
    has,
    only,
    singleton,
    tensors,
)
from archtrace_lint.dataflow.events import AttributeStore, Built, Called, Divide, Gather
from archtrace_lint.dataflow.filling import FILLS, emit_fill
from archtrace_lint.dataflow.frame import Frame
from archtrace_lint.dataflow.inlining import inline_helper
from archtrace_lint.dataflow.models import MAKERS, emit_model_run
from archtrace_lint.dataflow.name_meanings import name_meaning
from archtrace_lint.dataflow.operations import OPERATIONS, TensorCall
from archtrace_lint.dataflow.pooling import emit_pool
from archtrace_lint.dataflow.site import ANY, CallHandler, Site
from archtrace_lint.dataflow.spellings import word_set
from archtrace_lint.dataflow.subscripts import item_by_key
from archtrace_lint.dataflow.token_axes import concatenate, einops_mean, mean_call, stack
from archtrace_lint.source.syntax import last_word, root_name


def evaluate_call(node: ast.Call, frame: Frame) -> AbstractValues:
    """What a call may return."""
    # JAX writes the function, then the rows: `jax.vmap(f)(rows, ends)`.
    if isinstance(node.func, ast.Call) and last_word(node.func.func) == "vmap" and node.func.args:
        return _vmapped(node, node.func.args[0], frame)
    site = _site(node, frame)
    _emit_events(site)
    for handler in handlers_of(site.name, is_informative=frame.file.loads_checkpoints or site.is_informative):
        returned = handler(site)
        if returned is not None:
            return returned
    return UNKNOWN


def _vmapped(node: ast.Call, function: ast.expr, frame: Frame) -> AbstractValues:
    """`jax.vmap(f)(hidden, index)`: f of each row."""
    if isinstance(function, ast.Name):
        return evaluate_call(ast.copy_location(ast.Call(function, node.args, node.keywords), node), frame)
    if not isinstance(function, ast.Lambda):
        return UNKNOWN
    row_values = {a.arg: frame.evaluate(v) for a, v in zip(function.args.args, node.args, strict=False)}
    return replace(frame, names={**frame.names, **row_values}).evaluate(function.body)


def _site(node: ast.Call, frame: Frame) -> Site:
    name, base, library = "", UNKNOWN, False
    if isinstance(node.func, ast.Attribute):
        name, library = node.func.attr, root_name(node.func.value) in spellings.LIBRARIES
        base = UNKNOWN if library else _self_module(node.func, frame) or frame.evaluate(node.func.value)
    elif isinstance(node.func, ast.Name):
        # Only assigned values: the name of a function says nothing about its value (`mask(x)`, `hidden(x)`).
        name, base = node.func.id, frame.names.get(node.func.id, UNKNOWN)
    else:
        base = frame.evaluate(node.func)
    arguments = tuple(frame.evaluate(a) for a in node.args)
    keywords = {k.arg: frame.evaluate(k.value) for k in node.keywords if k.arg}
    unpacked = tuple(frame.evaluate(k.value) for k in node.keywords if not k.arg)
    return Site(node, frame, name, base, library, arguments, keywords, unpacked)


def _self_module(func: ast.Attribute, frame: Frame) -> AbstractValues:
    """The model, tokenizer or layer `self.x`, in a call of `self.x(...)`."""
    is_of_self = isinstance(func.value, ast.Name) and func.value.id == "self"
    return (
        frozenset(v for v in frame.self_attribute(func.attr) if isinstance(v, Model | Tokenizer | Layer))
        if is_of_self
        else UNKNOWN
    )


def _emit_events(site: Site) -> None:
    """Emit events for the calls and keywords that concern a rule, and for model classes passed as arguments."""
    for argument in site.node.args:
        _emit_class_argument(last_word(argument), site)
    if spellings.CLASSIFIERS.fullmatch(site.name) and site.node.args:
        site.frame.emit(Built(site.node, site.frame.scope(), Model(site.name, str(constant(site.arguments[0])))))
    stored = [(k, v) for k, v in site.keywords.items() if k in spellings.STORED]
    for values in site.arguments if site.name == "add_special_tokens" else ():
        stored += [(k, v) for table in only(values, Table) for k, v in table.items if k in spellings.STORED]
    for key, values in stored:
        owner = ast.unparse(site.node.func)
        site.frame.emit(AttributeStore(site.node, site.frame.scope(), owner, key, values, site.base))
    if site.name in spellings.CALLS or not spellings.KEYWORD_CALLS.isdisjoint(site.keywords):
        pairs = tuple(site.keywords.items())
        arguments = (site.base, *site.arguments) if site.name == "add_adapter" else site.arguments
        site.frame.emit(Called(site.node, site.frame.scope(), site.name, arguments, pairs))


def _emit_class_argument(name: str, site: Site) -> None:
    """A model class passed as an argument is instantiated by the callee."""
    if not name or not spellings.PASSED_CLASSES.fullmatch(name):
        return
    if spellings.CLASSIFIERS.fullmatch(name):
        site.frame.file.module.models.append(Model(name))
    site.frame.emit(Built(site.node, site.frame.scope(), Model(name)))


GATHERS = word_set("gather index_select take_along_dim take_along_axis gather_nd batched_index_select")
JOINS = word_set("cat concat concatenate stack hstack")
DIVISIONS = word_set("div divide true_divide")
#: Functions that return the model that they are given, prepared for training or for a device.
PREPARES = re.compile(r"prepare_model\w*|compile|prepare|DataParallel|DistributedDataParallel")
#: `torch.where(mask)` is `mask.nonzero(as_tuple=True)`.
AS_TUPLE = {"as_tuple": singleton(Const(True))}


def _gather(site: Site) -> AbstractValues | None:
    if site.name not in GATHERS:
        return None
    target = tensors(site.tensor)
    # A nested function of this name is followed as a helper.
    if not has(target, Hidden) or (isinstance(site.node.func, ast.Name) and site.node.func.id in site.frame.local):
        return None
    # `torch.gather(x, 1, index)`, `jnp.take_along_axis(x, index, 1)`: libraries put the dim in different places.
    index = frozenset().union(*site.rest, *site.keywords.values())
    site.frame.emit(Gather(site.node, site.frame.scope(index), target, index))
    return UNKNOWN


def _division(site: Site) -> AbstractValues | None:
    """`torch.div(x, y)` and `x.div(y)`."""
    if site.name not in DIVISIONS or not site.rest:
        return None
    return divided(site.node, site.tensor, site.rest[0], site.frame)


def divided(node: ast.expr, numerator: AbstractValues, denominator: AbstractValues, frame: Frame) -> AbstractValues:
    """`numerator / denominator`: hidden states stay hidden states; a masked sum becomes a mean."""
    if has(numerator, MaskedSum):
        frame.emit(Divide(node, frame.scope(), numerator, denominator))
    return frozenset(only(numerator, Hidden))


def _where(site: Site) -> AbstractValues | None:
    if site.name != "where":
        return None
    if site.library and not site.rest:
        return frozenset(v for t in site.tensor for v in OPERATIONS["nonzero"](TensorCall(site.node, t, (), AS_TUPLE)))
    first, *rest = (site.tensor, *site.rest) if site.library else (UNKNOWN, site.base, *site.rest)
    # `where(side, a, b)` has an index for either side of padding.
    if any(has(v, Side) for v in (first, *site.rest)):
        return UNKNOWN
    # The condition may well handle the rows without a pad, for which a search returns 0.
    return frozenset(replace(v, search=None) if isinstance(v, FirstPad) else v for values in rest for v in values)


def _join(site: Site) -> AbstractValues | None:
    """Prompts before embeddings become Prompts(prepended=True); an index joined to others remains an index.

    Stacked hidden states become `several_layers`.
    """
    if site.name not in JOINS:
        return None
    parts = [item for values in site.tensor for item in (values.items if isinstance(values, Many) else ())]
    list_elements = [frozenset(only(site.tensor, Hidden))]
    if not parts and not any(list_elements):
        return None
    # Prompts after the text shift none of its positions.
    if parts and has(parts[0], Prompts) and len(parts) > 1:
        return singleton(Prompts(prepended=True))
    dim = TensorCall(site.node, AbstractValue(), site.rest, site.keywords).dim
    joined = stack(parts or list_elements) if site.name == "stack" else concatenate(parts or list_elements, dim)
    return indices(frozenset().union(*parts)) | joined


def indices(values: AbstractValues) -> AbstractValues:
    """Only the values that are indices of tokens, or become indices once 1 is subtracted."""
    return frozenset(v for v in values if isinstance(v, Count | FirstPad | HighestId))


def _operation(site: Site) -> AbstractValues | None:
    """A tensor operation from OPERATIONS, also as a method of an unknown value (`ids.eq(pad)`); not `self.layer(x)`."""
    operation = OPERATIONS.get(site.name)
    if operation is None or isinstance(site.node.func, ast.Name) or _is_self_attribute(site.node.func):
        return None
    calls = [TensorCall(site.node, value, site.rest, site.keywords) for value in site.tensor or (AbstractValue(),)]
    return frozenset(v for call in calls for v in operation(call))


def _is_self_attribute(func: ast.expr) -> bool:
    return isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name) and func.value.id == "self"


def _builtin(site: Site) -> AbstractValues | None:
    """Builtins of Python."""
    if not isinstance(site.node.func, ast.Name) or site.base:
        return None
    if site.name in ("len", "range"):
        return OPERATIONS["size" if site.name == "len" else "range"](TensorCall(site.node, AbstractValue()))
    if site.name == "getattr" and len(site.arguments) > 1:
        return name_meaning(str(constant(site.arguments[1])))
    if site.name in BUILTINS:
        return BUILTINS[site.name](site)
    return frozenset().union(*site.arguments) if site.name in spellings.PASSING else None


def _sum_of_layers(site: Site) -> AbstractValues:
    """`sum(layers)`: the states of several layers become those of one."""
    layers = only(site.arguments[0], Hidden) if site.arguments else []
    return frozenset(replace(h, several_layers=False) for h in layers if h.several_layers)


#: Builtins that return a new value.
BUILTINS: dict[str, Callable[[Site], AbstractValues]] = {
    "dict": lambda site: singleton(Table(tuple(site.keywords.items()))),
    "sum": _sum_of_layers,
    "zip": lambda site: singleton(Many(site.arguments)),
    "enumerate": lambda site: singleton(Many((UNKNOWN, site.arguments[0]))) if site.arguments else UNKNOWN,
}


def _dict_get(site: Site) -> AbstractValues | None:
    """`outputs.get("hidden_states")` is the item of that key."""
    key = constant(site.arguments[0]) if site.arguments else None
    return item_by_key(site.base, key) if site.name == "get" and isinstance(key, str) else None


def _helper(site: Site) -> AbstractValues | None:
    """A function or a method of this module, followed with these arguments."""
    return inline_helper(site.node, site.frame, site.arguments, site.keywords)


def _prepared_model(site: Site) -> AbstractValues | None:
    """`prepare_model_for_kbit_training(model)` is the model."""
    models = only(site.arguments[0], Model) if site.arguments and PREPARES.fullmatch(site.name) else []
    return frozenset(models) or None


def _padding_side(site: Site) -> AbstractValues | None:
    return singleton(Side()) if spellings.meaning(site.name) == "side" else None


def _module_call(site: Site) -> AbstractValues | None:
    """A module called on hidden states returns one vector per token, unless its name says that it pools."""
    first = site.arguments[0] if site.arguments else site.keywords.get("hidden_states", UNKNOWN)
    hidden = only(_sure_tensors(first), Hidden)
    if not hidden or site.library or spellings.POOLERS.fullmatch(site.name) or _makes_object(site):
        return None
    # A method of a known value, `tokenizer.decode(hidden)`, is no module.
    if isinstance(site.node.func, ast.Attribute) and site.base and not has(site.base, Const):
        return None
    return frozenset(hidden)


def _recurrent(site: Site) -> AbstractValues | None:
    """`out, _ = self.lstm(x)`, with an unknown x: one vector per token, in a function that handles text."""
    is_excluded = site.library or not site.arguments or spellings.POOLERS.fullmatch(site.name) or _makes_object(site)
    if is_excluded or not spellings.RECURRENT.fullmatch(site.name) or not site.frame.has_text():
        return None
    return singleton(Hidden(sure=True))


def _makes_object(site: Site) -> bool:
    """The callee is a class, by its capital letter; a layer may be named after its class: `self.LayerNorm(x)`."""
    return site.name[:1].isupper() and not _is_self_attribute(site.node.func)


def _sure_tensors(values: AbstractValues) -> AbstractValues:
    """The values as tensors: a layer is called on them, so a sure model output is one."""
    return tensors(frozenset(v for v in values if not isinstance(v, ModelOutput) or (v.sure and v.model is None)))


def _library_call(site: Site) -> AbstractValues | None:
    """A library function that is not in OPERATIONS: unknown, except that the length of an axis remains one."""
    return frozenset(only(site.tensor, AxisLength))


#: The handlers of calls in the order in which they are tried; the first result other than None counts.
CALL_HANDLERS: tuple[CallHandler, ...] = (
    # The first three only emit events and return None, so the others still run; operations come before helpers and
    # models, since a tensor's method may have any of their names.
    CallHandler(emit_fill, if_known=(FILLS | {"where"}).__contains__),
    CallHandler(emit_pool, if_known=ANY),
    CallHandler(emit_model_run, spellings.BACKBONES.fullmatch, ANY),
    CallHandler(_gather, if_known=GATHERS.__contains__),
    CallHandler(mean_call, if_known=ANY),
    CallHandler(einops_mean, if_known="reduce".__eq__),
    CallHandler(_division, if_known=DIVISIONS.__contains__),
    CallHandler(_where, if_known="where".__eq__),
    CallHandler(_join, if_known=JOINS.__contains__),
    CallHandler(_operation, OPERATIONS.__contains__),
    CallHandler(_builtin, ({"len", "range", "getattr"} | BUILTINS.keys() | spellings.PASSING).__contains__),
    CallHandler(_dict_get, "get".__eq__),
    CallHandler(_helper, if_known=ANY),
    CallHandler(_prepared_model, if_known=PREPARES.fullmatch),
    *MAKERS,
    CallHandler(_padding_side, lambda name: spellings.meaning(name) == "side"),
    CallHandler(_module_call, if_known=ANY),
    CallHandler(_recurrent, spellings.RECURRENT.fullmatch),
    CallHandler(_library_call, if_known=ANY),
)


@lru_cache(maxsize=4096)
def handlers_of(name: str, *, is_informative: bool) -> tuple[Callable[[Site], AbstractValues | None], ...]:
    """The handlers for a call of this name. `is_informative`: see Site."""
    return tuple(h.handle for h in CALL_HANDLERS if h.named(name) or (is_informative and h.if_known(name)))
