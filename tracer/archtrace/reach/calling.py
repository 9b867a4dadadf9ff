"""Calls: a node of a program as a rule sees it, and as a key under which its step is remembered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from archtrace.capture.program import Node, Ref, substitute
from archtrace.reach.known import blank
from archtrace.reach.rules import registry
from archtrace.reach.rules.registry import Call, Operand, Spec, bind, leaves, rebuild
from archtrace.reach.values import Unknown


def call_of(node: Node, values: Sequence[Any]) -> Call:
    """A node as a rule sees it: unknown values are operands, the rest is plain."""
    slots = iter(range(len(node.refs)))

    def operand(ref: int) -> Any:
        slot = next(slots)
        return Operand(slot, values[ref]) if isinstance(values[ref], Unknown) else values[ref]

    args = tuple(substitute(a, operand) for a in node.args)
    kwargs = {k: substitute(v, operand) for k, v in node.kwargs.items()}
    bound = bind(node.target, args, kwargs)
    return Call(node.target, node.op, bound, _result_specs(node, bound))


def _result_specs(node: Node, bound: dict[str, Any]) -> tuple[Spec, ...]:
    if node.results is not None:
        return tuple(Spec(*spec) for spec in node.results)
    shapes = rebuild(bound, lambda v: blank(v.value) if isinstance(v, Operand) else blank(v))
    result = registry.invoke(node.target, shapes)
    return tuple(Spec(tuple(t.shape), t.dtype) for t in leaves(result) if isinstance(t, torch.Tensor))


def plain_key(value: Any) -> Any:
    """Arguments as a key: references alike, constants by how they print."""
    if isinstance(value, Ref):
        return Ref
    if isinstance(value, dict):
        return tuple((k, plain_key(v)) for k, v in value.items())
    if isinstance(value, list | tuple):
        return tuple(plain_key(v) for v in value)
    return repr(value)
