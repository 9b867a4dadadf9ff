"""Expressions to abstract values: one handler per kind of node."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import replace

from archtrace_lint.dataflow.abstract_values import (
    UNKNOWN,
    AbstractValue,
    AbstractValues,
    AxisLength,
    Chunks,
    Const,
    Encoding,
    EosRows,
    Extreme,
    Hidden,
    Many,
    ModelOutput,
    Side,
    Table,
    Tokens,
    constant,
    has,
    items,
    only,
    singleton,
    tensors,
)
from archtrace_lint.dataflow.arithmetic import BINARY
from archtrace_lint.dataflow.calls import divided, evaluate_call
from archtrace_lint.dataflow.conditions import assuming
from archtrace_lint.dataflow.events import AttributeRead, Gather
from archtrace_lint.dataflow.frame import LIMIT, ExpressionHandler, Frame
from archtrace_lint.dataflow.name_meanings import name_meaning
from archtrace_lint.dataflow.operations import TensorCall, compare, invert
from archtrace_lint.dataflow.spellings import CHECKPOINTS, READ, TASKS
from archtrace_lint.dataflow.subscripts import encoded_item, fixed_index, item_by_key, outputs_item, select


def union(parts: Iterable[AbstractValues]) -> AbstractValues:
    """The union of all these sets: the value may be any of theirs."""
    return frozenset().union(*parts)


def without_unknown(values: Iterable[AbstractValue]) -> AbstractValues:
    """The values without the plain AbstractValue that `values_or_unknown` puts in place of the unknown."""
    return frozenset(v for v in values if type(v) is not AbstractValue)


def values_or_unknown(values: AbstractValues) -> Iterable[AbstractValue]:
    """The values; if there are none, a plain AbstractValue in place of the unknown."""
    return values or (AbstractValue(),)


def _constant(node: ast.Constant, frame: Frame) -> AbstractValues:
    if isinstance(node.value, str | int | float | bool | None):
        return singleton(Const(node.value))
    return UNKNOWN


def _name(node: ast.Name, frame: Frame) -> AbstractValues:
    values = frame.lookup(node.id)
    # Only for constants of scripts, since each lookup may read a file.
    return values or (_imported_text(node.id, frame) if frame.file.loads_checkpoints and node.id.isupper() else UNKNOWN)


def _imported_text(name: str, frame: Frame) -> AbstractValues:
    """The string that another file of the tree assigns to a name in capitals, as with `from config import *`."""
    bound = frame.file.module.imported_definition(name)
    value = bound.value if isinstance(bound, ast.Assign | ast.AnnAssign) else None
    return (
        singleton(Const(value.value)) if isinstance(value, ast.Constant) and isinstance(value.value, str) else UNKNOWN
    )


def _attribute(node: ast.Attribute, frame: Frame) -> AbstractValues:
    if isinstance(node.value, ast.Name) and node.value.id == "self":
        return _remember(f".{node.attr}", frame.self_attribute(node.attr), frame)
    base = frame.evaluate(node.value)
    # A member of `TaskType` equals its string: the enum is one of `str` (PEFT 0.21.2, utils/peft_types.py).
    if node.attr in TASKS:
        return singleton(Const(node.attr))
    _emit_read(node, node.attr, base, frame)
    parts = [attribute_of(v, node.attr) for v in base]
    values = _remember(f".{node.attr}", union(p for p in parts if p is not None), frame)
    if values or any(p is not None for p in parts):
        return values
    is_setting = frame.file.loads_checkpoints and not base and CHECKPOINTS.fullmatch(node.attr)
    by_name = _remember(f".{node.attr}", name_meaning(node.attr), frame)
    return by_name or (frame.file.default(node.attr) if is_setting else UNKNOWN)


def _remember(spelling: str, values: AbstractValues, frame: Frame) -> AbstractValues:
    """The values as they are; a mask read as `batch["mask"]` or `batch.mask` counts as available from then on."""
    frame.remember(spelling, values)
    return values


def _emit_read(node: ast.expr, name: str, base: AbstractValues, frame: Frame) -> None:
    """Emit an event for an attribute or an item whose reading concerns a rule."""
    if name in READ and base:
        frame.emit(AttributeRead(node, frame.scope(), base, name))


def attribute_of(value: AbstractValue, name: str) -> AbstractValues | None:
    """An attribute of a value; None where only the name can tell."""
    if name in ("shape", "data", "T", "mT"):
        return singleton(value if name == "data" else AxisLength() if name == "shape" else None)
    if isinstance(value, Extreme):
        return {"values": value.values, "indices": value.indices}.get(name)
    if isinstance(value, Encoding):
        return encoded_item(value, name)
    return outputs_item(value, name) if isinstance(value, ModelOutput) else None


def _subscript(node: ast.Subscript, frame: Frame) -> AbstractValues:
    base = frame.evaluate(node.value)
    if isinstance(node.slice, ast.Constant):
        _emit_read(node, str(node.slice.value), base, frame)
    if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
        return _remember(f"[{node.slice.value}]", item_by_key(base, node.slice.value), frame)
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    values = [frame.evaluate(part) for part in parts]
    # An output of transformers takes one key or number; a subscript with two parts can only be of a tensor.
    base = tensors(base) if len(parts) > 1 else base
    index_values = union(v for v, part in zip(values, parts, strict=True) if not isinstance(part, ast.Slice))
    if index_values and (has(base, Hidden) or has(base, EosRows)):
        # Behind a transpose, `[:, k]` is a feature and no token.
        fixed = fixed_index(parts) if all(h.axis == 1 for h in only(base, Hidden)) else None
        frame.emit(Gather(node, frame.scope(index_values), base, index_values, fixed))
    return without_unknown(v for b in base for v in select(node, b, parts, values))


def _call(node: ast.Call, frame: Frame) -> AbstractValues:
    return without_unknown(evaluate_call(node, frame))


def _binary(node: ast.BinOp, frame: Frame) -> AbstractValues:
    left, right = frame.evaluate(node.left), frame.evaluate(node.right)
    if not left and not right:
        return UNKNOWN
    if isinstance(node.op, ast.Div | ast.FloorDiv):
        # What divides may make up for the padded length: (h · m / mean(m)).mean(1) = Σ h·m / Σ m.
        return frozenset(replace(h, zeroed=False) for h in only(divided(node, left, right, frame), Hidden))
    if type(node.op) not in BINARY:
        return UNKNOWN
    rule, commutes = BINARY[type(node.op)]
    results = [rule(node, value, right) for value in values_or_unknown(left)]
    if commutes:
        results += [rule(node, value, left) for value in values_or_unknown(right)]
    return without_unknown(union(results))


def _unary(node: ast.UnaryOp, frame: Frame) -> AbstractValues:
    values = frame.evaluate(node.operand)
    if isinstance(node.op, ast.USub):
        return frozenset(Const(-v.value) for v in only(values, Const) if isinstance(v.value, int | float))
    if isinstance(node.op, ast.Not):
        return frozenset(only(values, Side))
    return without_unknown(
        v for value in values for v in (invert(TensorCall(node, value)) or only(frozenset((value,)), Side))
    )


#: Comparison -> whether it is one of equality; `>` against 0 is like `!=`.
COMPARISONS: dict[type[ast.cmpop], bool] = {ast.Eq: True, ast.NotEq: False, ast.Gt: False}

#: Comparison with a number -> whether it asks, of what is a whole number and not negative, for equality with 0.
WITH_ZERO: dict[tuple[type[ast.cmpop], object], bool] = {
    (ast.GtE, 1): False,
    (ast.Gt, 0.5): False,
    (ast.Lt, 1): True,
    (ast.Lt, 0.5): True,
    (ast.LtE, 0): True,
}


def _compare(node: ast.Compare, frame: Frame) -> AbstractValues:
    left = frame.evaluate(node.left)
    rights = [frame.evaluate(right) for right in node.comparators]
    number = WITH_ZERO.get((type(node.ops[0]), constant(rights[0])))
    if number is not None:
        return frozenset(
            v for v in (compare(value, singleton(Const(0)), equal=number) for value in left) if v is not None
        )
    if len(rights) > 1 or type(node.ops[0]) not in COMPARISONS:
        return frozenset(v for values in (left, *rights) for v in only(values, Side))
    equal = COMPARISONS[type(node.ops[0])]
    # `pad_id == ids` is `ids == pad_id`.
    left_to_right = [compare(value, rights[0], equal=equal) for value in values_or_unknown(left)]
    right_to_left = [compare(value, left, equal=equal) for value in values_or_unknown(rights[0])]
    return frozenset(v for v in (*left_to_right, *right_to_left) if v is not None)


def _boolean(node: ast.BoolOp, frame: Frame) -> AbstractValues:
    return union([frame.evaluate(value) for value in node.values])


def _if(node: ast.IfExp, frame: Frame) -> AbstractValues:
    with assuming(node.test, frame, holds=True):
        then = frame.evaluate(node.body)
    with assuming(node.test, frame, holds=False):
        return then | frame.evaluate(node.orelse)


def _sequence(node: ast.Tuple | ast.List | ast.Set, frame: Frame) -> AbstractValues:
    parts = tuple(frame.evaluate(e) for e in node.elts)
    return singleton(Many(parts)) if len(parts) <= LIMIT else UNKNOWN


def _dict(node: ast.Dict, frame: Frame) -> AbstractValues:
    values = [frame.evaluate(v) for v in node.values]
    pairs = [(k.value, v) for k, v in zip(node.keys, values, strict=True) if isinstance(k, ast.Constant)]
    return singleton(Table(tuple((k, v) for k, v in pairs if isinstance(k, str))))


def _walrus(node: ast.NamedExpr, frame: Frame) -> AbstractValues:
    frame.bind(node.target.id, frame.evaluate(node.value))
    return frame.lookup(node.target.id)


def _wrapped(node: ast.Await | ast.Starred, frame: Frame) -> AbstractValues:
    return frame.evaluate(node.value)


def _slice(node: ast.Slice, frame: Frame) -> AbstractValues:
    for part in (node.lower, node.upper, node.step):
        frame.evaluate(part)
    return UNKNOWN


def _comprehension(node: ast.ListComp | ast.SetComp | ast.GeneratorExp, frame: Frame) -> AbstractValues:
    inner_frame = replace(frame, names=dict(frame.names))
    for generator in node.generators:
        assign(generator.target, elements(inner_frame.evaluate(generator.iter)), inner_frame)
        for condition in generator.ifs:
            inner_frame.evaluate(condition)
    return inner_frame.evaluate(node.elt)


def _dict_comprehension(node: ast.DictComp, frame: Frame) -> AbstractValues:
    """`{k: v.to(device) for k, v in encoding.items()}` is an encoding still."""
    inner_frame = replace(frame, names=dict(frame.names))
    for generator in node.generators:
        assign(generator.target, elements(inner_frame.evaluate(generator.iter)), inner_frame)
    call = node.generators[0].iter
    items = isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "items"
    whole = frame.evaluate(call.func.value) if items else UNKNOWN  # type: ignore[attr-defined]
    return frozenset(only(inner_frame.evaluate(node.value) | whole, Encoding))


def elements(values: AbstractValues) -> AbstractValues:
    """The value in one iteration of a loop over these: a row of a tensor; for zip and enumerate, a tuple of such."""
    return without_unknown(v for value in values for v in _element(value))


def _element(value: AbstractValue) -> AbstractValues:
    if isinstance(value, Many):
        if value.items and all(constant(item) is not ... for item in value.items):
            return union(value.items)  # a list of literals, where zip gives tuples of what it goes over
        return singleton(Many(tuple(elements(i) for i in value.items)))
    if isinstance(value, Chunks):
        return singleton(value.part)
    # Characters, numbers and the names of fields are no rows of a tensor.
    if isinstance(value, Const | AxisLength | ModelOutput | Encoding | Table):
        return UNKNOWN
    if isinstance(value, Hidden):
        # A loop over a tuple of layers yields a layer, one over a batch the states of one text.
        row = not value.several_layers and value.axis == 1 and value.kind == "hidden"
        return singleton(replace(value, several_layers=False, axis=0 if row else value.axis))
    return singleton(replace(value, single_row=True) if isinstance(value, Tokens) else value)


def assign(target: ast.expr, values: AbstractValues, frame: Frame) -> None:
    """Bind a target: a name, an attribute of self, a tuple of targets."""
    if isinstance(target, ast.Name):
        frame.bind(target.id, values)
    elif isinstance(target, ast.Tuple | ast.List):
        parts = items(values) or _unpacked(values, target, frame)
        for number, part in enumerate(target.elts):
            fits = len(parts) == len(target.elts)
            assign(part, parts[number] if fits else UNKNOWN, frame)
    elif isinstance(target, ast.Starred):
        assign(target.value, UNKNOWN, frame)
    # What is written to is not read: `h[mask] = 0` is no gather.
    elif isinstance(target, ast.Attribute | ast.Subscript):
        frame.evaluate(target.value)


#: Names of the first item of an output that does not begin with hidden states.
_NO_STATES = re.compile(r"\w*(loss|score|pool|cls|pred|prob)\w*", re.IGNORECASE)


def _unpacked(values: AbstractValues, target: ast.Tuple | ast.List, frame: Frame) -> tuple[AbstractValues, ...]:
    """`h, _ = self.bert(...)`: a model or a layer returns hidden states first; the items of a `split` are all alike."""
    count = len(target.elts)
    pieces = only(values, Chunks)
    if pieces:
        return (frozenset(p.part for p in pieces),) * count
    # `states, pooled = model(...)` reads item 1 of a plain tuple.
    if count == 2 and has(values, ModelOutput):
        frame.emit(AttributeRead(target, frame.scope(), values, "1"))
    name = target.elts[0].id if isinstance(target.elts[0], ast.Name) else ""
    first = union(_first(v) for v in values) if not _NO_STATES.fullmatch(name) else UNKNOWN
    by_name = frozenset(h for h in only(name_meaning(name), Hidden) if h.kind == "logits")
    return (by_name or first, *(UNKNOWN,) * (count - 1)) if first else ()


def _first(value: AbstractValue) -> AbstractValues:
    if isinstance(value, ModelOutput):
        return frozenset(replace(h, kind=value.kind) for h in only(outputs_item(value, 0) or UNKNOWN, Hidden))
    return singleton(value if isinstance(value, Hidden) and not value.several_layers else None)


HANDLERS: dict[type[ast.expr], ExpressionHandler] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.Call: _call,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.Compare: _compare,
    ast.BoolOp: _boolean,
    ast.IfExp: _if,
    ast.Tuple: _sequence,
    ast.List: _sequence,
    ast.Set: _sequence,
    ast.Dict: _dict,
    ast.NamedExpr: _walrus,
    ast.Await: _wrapped,
    ast.Starred: _wrapped,
    ast.Slice: _slice,
    ast.ListComp: _comprehension,
    ast.SetComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.DictComp: _dict_comprehension,
}
