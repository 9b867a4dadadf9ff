"""Calls to abstract values: tensor operations, gathers, models and tokenizers, and helpers of the same module."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from archtrace.lint import facts
from archtrace.lint.events import Called, Divide, Gather, Mean, Store
from archtrace.lint.filling import filled
from archtrace.lint.frame import Frame, named
from archtrace.lint.helpers import inlined
from archtrace.lint.models import built
from archtrace.lint.operations import OPERATIONS, Call
from archtrace.lint.pooling import pooled
from archtrace.lint.selection import keyed
from archtrace.lint.site import Site
from archtrace.lint.values import (
    UNKNOWN,
    Const,
    Count,
    FirstPad,
    Hidden,
    HighestId,
    Many,
    MaskedSum,
    Model,
    Prompts,
    Side,
    Size,
    Table,
    Tokenizer,
    Value,
    Values,
    constant,
    has,
    one,
    only,
)
from archtrace.lint.words import words

Evaluate: TypeAlias = Callable[[ast.expr | None, Frame], Values]


def called(node: ast.Call, frame: Frame, evaluate: Evaluate) -> Values:
    """What a call may return."""
    site = _site(node, frame, evaluate)
    _tell(site)
    filled(site)
    pooled(site)
    for rule in RULES:
        found = rule(site)
        if found is not None:
            return found
    return UNKNOWN


def _site(node: ast.Call, frame: Frame, evaluate: Evaluate) -> Site:
    name, base, library = "", UNKNOWN, False
    if isinstance(node.func, ast.Attribute):
        name, library = node.func.attr, root(node.func.value) in facts.LIBRARIES
        base = UNKNOWN if library else _held(node.func, frame) or evaluate(node.func.value, frame)
    elif isinstance(node.func, ast.Name):
        name, base = node.func.id, frame.names.get(node.func.id, UNKNOWN)
    else:
        base = evaluate(node.func, frame)
    arguments = tuple(evaluate(a, frame) for a in node.args)
    keywords = {k.arg: evaluate(k.value, frame) for k in node.keywords if k.arg}
    spread = tuple(evaluate(k.value, frame) for k in node.keywords if not k.arg)
    return Site(node, frame, name, base, library, arguments, keywords, spread)


def _held(func: ast.Attribute, frame: Frame) -> Values:
    """The model or the tokenizer that `self.x` holds, in a call of `self.x(...)`."""
    mine = isinstance(func.value, ast.Name) and func.value.id == "self"
    return frozenset(v for v in frame.own(func.attr) if isinstance(v, Model | Tokenizer)) if mine else UNKNOWN


def root(node: ast.expr) -> str:
    """The first word of a dotted name, "" for anything else."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _tell(site: Site) -> None:
    """Events for the calls and the keywords that rules ask about, and classes of models that are handed over."""
    for argument in site.node.args:
        if isinstance(argument, ast.Name) and facts.CLASSIFIERS.fullmatch(argument.id):
            site.frame.machine.module.models.append(Model(argument.id))
    stored = [(k, v) for k, v in site.keywords.items() if k in facts.STORED]
    for values in site.arguments if site.name == "add_special_tokens" else ():
        stored += [(k, v) for table in only(values, Table) for k, v in table.items if k in facts.STORED]
    for key, values in stored:
        owner = ast.unparse(site.node.func)
        site.frame.emit(Store(site.node, site.frame.scope(), owner, key, values))
    if site.name in facts.CALLS or not facts.KEYWORD_CALLS.isdisjoint(site.keywords):
        pairs = tuple(site.keywords.items())
        site.frame.emit(Called(site.node, site.frame.scope(), site.name, site.arguments, pairs))


GATHERS = words("gather index_select take_along_dim take_along_axis gather_nd batched_index_select")
MEANS = words("mean reduce_mean nanmean")
JOINS = words("cat concat concatenate stack hstack")
DIVISIONS = words("div divide true_divide")
#: `torch.where(mask)` is `mask.nonzero(as_tuple=True)`.
AS_TUPLE = {"as_tuple": one(Const(True))}


def _gather(site: Site) -> Values | None:
    if site.name not in GATHERS or not has(site.tensor, Hidden):
        return None
    index = frozenset().union(*site.rest, *site.keywords.values())
    site.frame.emit(Gather(site.node, site.frame.scope(), site.tensor, index))
    return UNKNOWN


def _mean(site: Site) -> Values | None:
    if site.name not in MEANS or not has(site.tensor, Hidden):
        return None
    dims = Call(site.node, Value(), site.rest, site.keywords)
    if dims.dim in (1, -2):
        site.frame.emit(Mean(site.node, site.frame.scope(), site.tensor, site.frame.mask_around()))
    return UNKNOWN


def _reduced(site: Site) -> Values | None:
    """`einops.reduce(hidden, "b s d -> b d", "mean")`: a mean over the axis that is second and goes."""
    if site.name != "reduce" or len(site.arguments) != 3 or constant(site.arguments[2]) != "mean":
        return None
    before, _, after = str(constant(site.arguments[1])).partition("->")
    gone = [axis not in after.split() for axis in before.split()]
    if has(site.arguments[0], Hidden) and gone == [False, True, False]:
        site.frame.emit(Mean(site.node, site.frame.scope(), site.arguments[0], site.frame.mask_around()))
    return UNKNOWN


def _division(site: Site) -> Values | None:
    """`torch.div(x, y)` and `x.div(y)`."""
    if site.name not in DIVISIONS or not site.rest:
        return None
    return divided(site.node, site.tensor, site.rest[0], site.frame)


def divided(node: ast.expr, above: Values, below: Values, frame: Frame) -> Values:
    """`above / below`: hidden states stay such; a masked sum that is divided is a mean."""
    if has(above, MaskedSum):
        frame.emit(Divide(node, frame.scope(), above, below))
    return frozenset(only(above, Hidden))


def _where(site: Site) -> Values | None:
    if site.name != "where":
        return None
    if site.library and not site.rest:
        return frozenset(v for t in site.tensor for v in OPERATIONS["nonzero"](Call(site.node, t, (), AS_TUPLE)))
    first, *rest = (site.tensor, *site.rest) if site.library else (UNKNOWN, site.base, *site.rest)
    if any(has(v, Side) for v in (first, *site.rest)):
        return UNKNOWN
    return frozenset(replace(v, searched=None) if isinstance(v, FirstPad) else v for values in rest for v in values)


def _join(site: Site) -> Values | None:
    """Prompts in front of embeddings are a value of their own; an index joined to others is an index still.

    Hidden states that are stacked are several.
    """
    parts = [item for values in site.tensor for item in (values.items if isinstance(values, Many) else ())]
    layers = only(site.tensor, Hidden)
    if site.name == "stack" and layers:
        return frozenset(replace(h, several=True) for h in layers)
    if site.name not in JOINS or not parts:
        return None
    if has(parts[0], Prompts) and len(parts) > 1:
        return one(Prompts(joined=True))
    return indices(frozenset().union(*parts))


def indices(values: Values) -> Values:
    """Those that are indices in the making."""
    return frozenset(v for v in values if isinstance(v, Count | FirstPad | HighestId))


def _operation(site: Site) -> Values | None:
    """A row of the table of operations. A method of an unknown may be one too (`ids.eq(pad)`)."""
    operation = OPERATIONS.get(site.name)
    if operation is None or isinstance(site.node.func, ast.Name):
        return None
    calls = [Call(site.node, value, site.rest, site.keywords) for value in site.tensor or (Value(),)]
    return frozenset(v for call in calls for v in operation(call))


def _builtin(site: Site) -> Values | None:
    """Builtins of Python."""
    if not isinstance(site.node.func, ast.Name) or site.base:
        return None
    if site.name in ("len", "range"):
        return OPERATIONS["size" if site.name == "len" else "range"](Call(site.node, Value()))
    if site.name == "getattr" and len(site.arguments) > 1:
        return named(str(constant(site.arguments[1])))
    if site.name == "zip":
        return one(Many(site.arguments))
    if site.name == "enumerate" and site.arguments:
        return one(Many((UNKNOWN, site.arguments[0])))
    return frozenset().union(*site.arguments) if site.name in facts.PASSING else None


def _got(site: Site) -> Values | None:
    """`outputs.get("hidden_states")` is the item of that key."""
    key = constant(site.arguments[0]) if site.arguments else None
    return keyed(site.base, key) if site.name == "get" and isinstance(key, str) else None


def _helper(site: Site) -> Values | None:
    """A function or a method of this module, followed with these arguments."""
    return inlined(site.node, site.frame, site.arguments, site.keywords)


def _built(site: Site) -> Values | None:
    return built(site)


def _side(site: Site) -> Values | None:
    return one(Side()) if facts.meaning(site.name) == "side" else None


def _module(site: Site) -> Values | None:
    """A module called on hidden states gives a vector a token, if its name does not say that it pools."""
    first = site.arguments[0] if site.arguments else site.keywords.get("hidden_states", UNKNOWN)
    hidden = only(first, Hidden)
    if not hidden or site.library or facts.POOLERS.fullmatch(site.name) or site.name[:1].isupper():
        return None
    if isinstance(site.node.func, ast.Attribute) and site.base and not has(site.base, Const):
        return None
    return frozenset(hidden)


def _function(site: Site) -> Values | None:
    """A library's function on hidden states that is no operation of the table: unknown, but for the names of it."""
    return frozenset(only(site.tensor, Size))


RULES: tuple[Callable[[Site], Values | None], ...] = (
    _gather,
    _mean,
    _reduced,
    _division,
    _where,
    _join,
    _operation,
    _builtin,
    _got,
    _helper,
    _built,
    _side,
    _module,
    _function,
)
