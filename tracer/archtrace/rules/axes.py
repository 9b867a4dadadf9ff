"""Axes by letters, and the one function behind every contraction."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

import numpy as np

from archtrace.flows import Contraction, Mask
from archtrace.marks import Marks, Shape, shrink
from archtrace.rules.registry import Call, Flows, Operand, Step, shape_of, single, value_of
from archtrace.values import Certain, certain_of

LETTERS = string.ascii_lowercase
#: Letters that no result uses: axes of length 1 that broadcast against a longer one.
SPARE = string.ascii_uppercase[:25]


def letters(count: int) -> str:
    """Names for the axes of a result."""
    return LETTERS[:count]


def aligned(shape: Shape, result: Shape) -> str:
    """Names for the axes of an operand that broadcasts against a result named by `letters`."""
    offset = len(result) - len(shape)
    names = letters(len(result))
    return "".join(
        SPARE[i] if size == 1 and result[i + offset] != 1 else names[i + offset] for i, size in enumerate(shape)
    )


def normal(dims: Any, rank: int) -> tuple[int, ...]:
    """Axis numbers from 0; None and an empty list stand for all axes."""
    if dims is None or (isinstance(dims, list | tuple) and not dims):
        return tuple(range(rank))
    listed = dims if isinstance(dims, list | tuple) else [dims]
    return tuple(d % rank for d in listed) if rank else ()


def certain_mask(certain: Certain, axes: str) -> tuple[Mask, ...]:
    """The factor that stops whatever flows into elements whose value is certain."""
    open_ = np.isnan(certain)
    return () if open_.all() else (Mask(axes, open_),)


def contract(call: Call, factors: Sequence[tuple[Any, str]], out: str) -> tuple[Flows, Certain | None]:
    """The flows of a sum of products, and where the result is certainly zero.

    result[out] = sum over the letters not in `out` of the product of the factors. A factor that is zero
    stops the flow from the others. Operands have their letters; known tensors take part as masks.
    """
    nonzero = [_nonzero(value, axes) for value, axes in factors]
    flows = []
    for position, (value, axes) in enumerate(factors):
        if isinstance(value, Operand):
            masks = tuple(m for i, m in enumerate(nonzero) if m is not None and i != position)
            flows.append((value.slot, Contraction(axes, out, masks)))
    return tuple(flows), _certain_zero(factors, nonzero, out)


def _nonzero(value: Any, axes: str) -> Mask | None:
    if isinstance(value, Operand) and value.value.free:
        return None
    nonzero: Marks = certain_of(value_of(value)) != 0
    nonzero = shrink(nonzero, nonzero.ndim)
    return None if nonzero.all() else Mask(axes, nonzero)


def _certain_zero(factors: Sequence[tuple[Any, str]], masks: Sequence[Mask | None], out: str) -> Certain | None:
    present = [m for m in masks if m is not None]
    if not present:
        return None
    first, *others = present
    reached = Contraction(first.axes, out, tuple(others)).push(first.allowed[..., None])[..., 0]
    return np.where(reached, np.nan, 0.0)


def contraction(call: Call, factors: Sequence[tuple[Any, str]], out: str, added: Sequence[Any] = ()) -> Step:
    """The step of a sum of products, with terms `added` that broadcast against the result."""
    flows, certain = contract(call, factors, out)
    terms = tuple(
        (term.slot, Contraction(aligned(shape_of(term), call.shape), letters(len(call.shape))))
        for term in added
        if isinstance(term, Operand)
    )
    return single(call, flows + terms, None if any(t is not None for t in added) else certain)
