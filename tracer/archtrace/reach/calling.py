"""Calls: a node of a program as a rule sees it, and as a key under which its step is remembered."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from archtrace.capture.program import Node, Operation, Ref
from archtrace.reach.known import blank
from archtrace.reach.rules.registry import Argument, Call, Operand, Spec, bind, invoke, rebuild, tensors_of
from archtrace.reach.values import Unknown, Value


def call_of(node: Node, values: Sequence[Value]) -> Call:
    """A node as a rule sees it: unknown values are operands, the rest is plain."""
    slots = iter(range(len(node.refs)))

    def operand(ref: int) -> Argument:
        return _argument(values[ref], next(slots))

    op = node.operation
    bound = bind(op, *node.arguments_with(operand))
    return Call(op, node.op, bound, _result_specs(node, op, bound))


def _argument(value: Value, slot: int) -> Argument:
    if isinstance(value, list | tuple):
        return [_argument(item, slot) for item in value]
    return Operand(slot, value) if isinstance(value, Unknown) else value


def _result_specs(node: Node, op: Operation, bound: Mapping[str, Argument]) -> tuple[Spec, ...]:
    if node.results is not None:
        return tuple(Spec(*spec) for spec in node.results)
    shapes = {k: rebuild(v, lambda v: blank(v.value) if isinstance(v, Operand) else v) for k, v in bound.items()}
    return tuple(Spec(tuple(t.shape), t.dtype) for t in tensors_of(invoke(op, shapes)))


def plain_key(value: object) -> Hashable:
    """Arguments as a key: references alike, constants by how they print."""
    if isinstance(value, Ref):
        return Ref
    if isinstance(value, dict):
        return tuple((k, plain_key(v)) for k, v in value.items())
    if isinstance(value, list | tuple):
        return tuple(plain_key(v) for v in value)
    return repr(value)
