"""Known values: ops on plain tensors and numbers are run, on the CPU whatever device the graph names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch

from archtrace.capture.program import Node, Operation
from archtrace.errors import LayoutError
from archtrace.ops import LENDERS, UNINITIALISED
from archtrace.reach.values import Unknown, Value

#: Ops that ask for strides which a value without memory may not have, and their twins that do not.
STRIDELESS: Mapping[Operation | str, Operation] = {torch.ops.aten.view.default: torch.ops.aten.reshape.default}


def is_known(value: Value) -> bool:
    """True for a value that holds no unknown tensor."""
    if isinstance(value, list | tuple):
        return all(map(is_known, value))
    return not isinstance(value, Unknown)


def shape_lenders(node: Node) -> frozenset[int]:
    """The operands of a node that lend their shape or type alone; none where parameters decide that shape."""
    first, second = node.operand(0), node.operand(1)
    if node.op not in LENDERS or node.selected or second is None or second == first:
        return frozenset()
    return frozenset({second.index})


def without_values(value: Value) -> Value:
    """An operand of which only the shape and the type count."""
    return blank(value) if isinstance(value, Unknown) else value


def evaluate(node: Node, values: Sequence[Value] | Mapping[int, Value]) -> Value:
    """Run an op on known values, on the CPU whatever device the graph names."""
    args, kwargs = node.arguments_with(values.__getitem__)
    op = STRIDELESS.get(node.target, node.operation)
    try:
        # A value that stands for many by expansion has no strides that `view` would take; reshape copies.
        value = cast(Value, op(*args, **kwargs))
        if isinstance(value, torch.Tensor) and node.op in UNINITIALISED:
            return value.new_zeros(()).expand(value.shape)
        return value
    except Exception as error:
        reason = str(error).strip().split("\n", 1)[0]
        raise LayoutError(f"{node.op} in {node.module or 'the model'} refuses these inputs: {reason}") from error


def blank(value: Unknown) -> torch.Tensor:
    """A tensor of the value's shape that has no memory to speak of."""
    return torch.zeros((), dtype=value.dtype).expand(value.shape)


def in_this_layout(value: Value) -> Value:
    """A value as it is in this layout: of what tokens decide, what it is here; None for what parameters decide."""
    if isinstance(value, list | tuple):
        return [v.real if isinstance(v, Unknown) else v for v in value]
    return value.real if isinstance(value, Unknown) else value


def takes_only_known(node: Node, values: Sequence[Value]) -> bool:
    """True where the layout alone decides what a node takes, whatever the tokens are."""
    return all(is_known(values[ref]) for ref in node.refs)
