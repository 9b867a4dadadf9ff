"""FLOPs of the nodes of a program, by torch's own formulas."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from typing import cast

import torch
from torch.utils.flop_counter import FlopCounterMode, flop_registry

from archtrace.capture.decisions import Decision
from archtrace.capture.nested import mapped
from archtrace.capture.program import Node, NodeKind, Operation
from archtrace.ops import KEEP_NUMBERS, SIZED_BY
from archtrace.reach.bound import Bound
from archtrace.reach.values import Value

#: Operands of more elements together are not made for a count: 1 GB in double precision.
MOST = 1 << 27


class Flops:
    """Counts nodes; the second layer costs a look-up."""

    def __init__(self) -> None:
        self._known: dict[Hashable, int | None] = {}

    def of(self, node: Node, bound: Bound) -> int | None:
        """Floating-point operations of a node, two for each product that is added; 0 where torch has no formula.

        None where they cannot be counted: then the share of a part in the whole is unknown.
        """
        if node.kind is not NodeKind.OP or isinstance(node.target, Decision) or not callable(node.target):
            return 0
        if node.op in KEEP_NUMBERS or not _may_multiply(node.target):
            return 0
        shapes = tuple(bound.program.nodes[ref].results for ref in node.refs)
        # What stands between the references decides as well: a stride, a transposition.
        key = (node.target, shapes, repr(node.arguments_with(lambda _: "")))
        if key not in self._known:
            # Where values say how much there is to do, shapes alone would be counted as something else.
            shaped = node.op not in SIZED_BY
            # No memory is held on the meta device, and no fused kernel hides its products there.
            self._known[key] = _count(node, lambda ref: _shapes_of(bound, ref, "meta")) if shaped else None
        counted = self._known[key]
        # What needs values runs on those that are known, and on zeros.
        if counted is None and _is_small(node, bound):
            return _count(node, lambda ref: _values_of(bound, ref))
        return counted


def _may_multiply(op: Operation) -> bool:
    """Whether torch has a formula for an op, or may make it of others: all else moves numbers, or takes them one by
    one. What is no op of torch is run to see."""
    if not isinstance(op, torch._ops.OpOverload):
        return True
    name = f"{op._schema.name}.{op._overloadname}".removesuffix(".default")
    composite = torch._C._dispatch_has_kernel_for_dispatch_key(name, "CompositeImplicitAutograd")
    return op.overloadpacket in flop_registry or bool(composite)


def _is_small(node: Node, bound: Bound) -> bool:
    operands = (each for ref in node.refs for each in bound.program.nodes[ref].results or ())
    return sum(math.prod(shape) for shape, _ in operands) <= MOST


def _count(node: Node, operand: Callable[[int], Value]) -> int | None:
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            args, kwargs = node.arguments_with(operand)
            node.operation(*args, **kwargs)
    except Exception:  # whatever an op says of what it is given
        return None
    return int(counter.get_total_flops())


def _shapes_of(bound: Bound, ref: int, device: str) -> Value:
    """Zeros of a node's shapes."""
    node = bound.program.nodes[ref]
    zeros: list[Value] = [torch.zeros(shape, dtype=dtype, device=device) for shape, dtype in node.results or ()]
    return zeros if node.many else zeros[0] if zeros else None


def _values_of(bound: Bound, ref: int) -> Value:
    """What is known of a node in the layout, else zeros; in double precision, which no fused kernel takes."""
    known = bound.known(ref)
    return cast(Value, mapped(_shapes_of(bound, ref, "cpu") if known is None else known, _in_double))


def _in_double(value: object) -> object:
    return value.double() if isinstance(value, torch.Tensor) and value.is_floating_point() else value
