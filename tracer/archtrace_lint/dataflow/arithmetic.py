"""What operators do to abstract values: an index less one, a mask times hidden states, `1 - mask`."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from archtrace_lint.dataflow.abstract_values import (
    AbstractValue,
    AbstractValues,
    AxisLength,
    Const,
    Count,
    EosMask,
    FirstPad,
    Hidden,
    HighestId,
    Inflated,
    ModelOutput,
    PositionRange,
    Side,
    Tokens,
    constant,
    has,
    singleton,
    tensors,
)
from archtrace_lint.dataflow.masking import multiply_by_weights


def subtract(node: ast.expr, left: AbstractValue, right: AbstractValues) -> AbstractValues:
    """`left - right`: a count of tokens minus 1, or the first pad minus 1, is the index that the rules look for."""
    if isinstance(left, Count | FirstPad):
        return singleton(
            replace(left, index_expression=left.index_expression or node) if constant(right) == 1 else left
        )
    # 1 - mask: 1 where the mask is 0.
    if isinstance(left, Const) and left.value == 1:
        return frozenset(replace(r, attended=not r.attended) for r in right if isinstance(r, Tokens))
    # The length of a row less its pads is the number of its tokens.
    if isinstance(left, AxisLength):
        return frozenset(replace(c, attended=not c.attended) for c in right if isinstance(c, Count)) or singleton(left)
    return singleton(left if isinstance(left, Hidden) else None)


def add(node: ast.expr, left: AbstractValue, right: AbstractValues) -> AbstractValues:
    """`left + right`."""
    # `lengths + -1` is `lengths - 1`.
    if constant(right) == -1:
        return subtract(node, left, singleton(Const(1)))
    # n · mask + position: the minimum is the first pad, or n (`first_true_indices` of TRL 1.16.0,
    # trl/experimental/utils.py).
    if isinstance(left, Inflated) and has(right, PositionRange):
        return singleton(replace(left, has_positions=True))
    if isinstance(left, PositionRange):
        return frozenset(replace(r, has_positions=True) for r in right if isinstance(r, Inflated))
    return singleton(left if isinstance(left, Hidden | Count | FirstPad | HighestId | Inflated) else None)


def multiply(node: ast.expr, left: AbstractValue, right: AbstractValues) -> AbstractValues:
    """`left * right`: a mask takes the pads out of hidden states."""
    if isinstance(left, Hidden):
        return singleton(multiply_by_weights(left, right))
    # A custom model may return the states themselves, and only a tensor can be multiplied.
    if isinstance(left, ModelOutput) and has(right, Tokens):
        return frozenset(multiply_by_weights(h, right) for h in tensors(singleton(left)) if isinstance(h, Hidden))
    # n · mask, for a minimum that is to pass the tokens over.
    if isinstance(left, AxisLength):
        return frozenset(Inflated(by_id=r.by_id) for r in right if isinstance(r, Tokens) and r.attended)
    if isinstance(left, Tokens) and left.attended and has(right, AxisLength):
        return singleton(Inflated(by_id=left.by_id))
    return singleton(left if isinstance(left, EosMask) else None)


def modulo(node: ast.expr, left: AbstractValue, right: AbstractValues) -> AbstractValues:
    """`left % right` wraps an index, which remains an index."""
    return singleton(left if isinstance(left, Count | FirstPad | HighestId) else None)


def matmul(node: ast.expr, left: AbstractValue, right: AbstractValues) -> AbstractValues:
    """`left @ right`: hidden states times a matrix are still one vector per token."""
    return singleton(left if isinstance(left, Hidden) else None)


def conjunction(node: ast.expr, left: AbstractValue, right: AbstractValues) -> AbstractValues:
    """`left & right`: a mask narrowed."""
    return singleton(left if isinstance(left, Side) else None)


Binary: TypeAlias = Callable[[ast.expr, AbstractValue, AbstractValues], AbstractValues]

#: Operator -> its function, and whether it commutes.
BINARY: dict[type[ast.operator], tuple[Binary, bool]] = {
    ast.Sub: (subtract, False),
    ast.Add: (add, True),
    ast.Mult: (multiply, True),
    ast.Mod: (modulo, False),
    ast.MatMult: (matmul, False),
    ast.BitAnd: (conjunction, True),
    ast.BitOr: (conjunction, True),
}
