"""Axes by letters, and the functions behind every contraction."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from archtrace.reach.flows import Contraction, Mask
from archtrace.reach.marks import Marks, Shape, shrink
from archtrace.reach.rules.registry import Argument, Call, Flows, Operand, Transfer, shape_of, single, value_of
from archtrace.reach.scales import clamped, magnitude
from archtrace.reach.values import Certain, certain_of, is_open, level, scale_of

LETTERS = string.ascii_lowercase
#: Letters that no result uses: axes of length 1 that broadcast against a longer one.
SPARE = string.ascii_uppercase[:25]
#: An argument, the letters of its axes, and the masks between it and the result.
Source: TypeAlias = tuple[Argument, str] | tuple[Argument, str, tuple[Mask, ...]]


def letters(count: int) -> str:
    """Names for the axes of a result."""
    return LETTERS[:count]


def broadcast_axes(shape: Shape, result: Shape, names: str = LETTERS) -> str:
    """Names for the axes of an operand that broadcasts against a result whose axes have `names`."""
    # Broadcasting aligns shapes at their ends; an axis of length 1 beside a longer one is in all its indices.
    offset = len(result) - len(shape)
    return "".join(
        SPARE[i] if size == 1 and result[i + offset] != 1 else names[i + offset] for i, size in enumerate(shape)
    )


def with_new_axes(names: str, axes: Sequence[int]) -> str:
    """Names in which the given axes are new: what they index no longer matters."""
    return "".join(SPARE[i] if i in axes else a for i, a in enumerate(names))


def reach(out: str, *sources: Source) -> Flows:
    """A Contraction from each source that is unknown to a result whose axes are named `out`."""
    return tuple((s[0].slot, Contraction(s[1], out, *s[2:])) for s in sources if isinstance(s[0], Operand))


def pointwise_flows(call: Call, values: Sequence[Argument], masks: tuple[Mask, ...] = ()) -> Flows:
    """Each value reaches the result where it broadcasts to."""
    return reach(letters(len(call.shape)), *((v, broadcast_axes(shape_of(v), call.shape), masks) for v in values))


def certain_mask(certain: Certain, axes: str) -> tuple[Mask, ...]:
    """The factor that stops whatever flows into elements whose value is certain."""
    open_ = is_open(certain)
    return () if open_.all() else (Mask(axes, open_),)


def contract(
    factors: Sequence[tuple[Argument, str]], out: str, links: tuple[Mask, ...] = ()
) -> tuple[Flows, Certain | None]:
    """The flows of a sum of products, and where the result is certainly zero.

    result[out] = sum over the letters not in `out` of the product of the factors. A factor that is zero
    stops the flow from the others. Operands have their letters; known tensors take part as masks.
    `links` are masks that tie letters together.
    """
    nonzero = [_nonzero(value, axes) for value, axes in factors]
    flows = []
    for position, (value, axes) in enumerate(factors):
        if isinstance(value, Operand):
            masks = tuple(m for i, m in enumerate(nonzero) if m is not None and i != position)
            flows.append((value.slot, Contraction(axes, out, masks + links)))
    return tuple(flows), _certain_zero([m for m in nonzero if m is not None], links, out)


def _nonzero(value: Argument, axes: str) -> Mask | None:
    if isinstance(value, Operand) and value.value.free:
        return None
    nonzero: Marks = certain_of(value_of(value)) != 0
    nonzero = shrink(nonzero, nonzero.ndim)
    return None if nonzero.all() else Mask(axes, nonzero)


def _certain_zero(masks: Sequence[Mask], links: tuple[Mask, ...], out: str) -> Certain | None:
    if not masks:
        return None
    first, *others = masks
    reached = Contraction(first.axes, out, (*others, *links)).push(first.allowed[..., None])[..., 0]
    return np.where(reached, np.nan, 0.0)


def contraction(
    call: Call, factors: Sequence[tuple[Argument, str]], out: str, added: Argument = None, links: tuple[Mask, ...] = ()
) -> Transfer:
    """The step of a sum of products, with a term `added` that broadcasts against the result."""
    flows, certain = contract(factors, out, links)
    spread = _spread(call, factors)
    if added is None:
        return single(call, flows, certain, scale=spread)
    beta = call.number("beta", 1.0)
    term = reach(out, (added, broadcast_axes(shape_of(added), call.shape, out)))
    both = max(spread, abs(beta) * scale_of(value_of(added)))
    return single(call, flows + term, offset=_mask_added(call, added, beta), scale=both)


def _spread(call: Call, factors: Sequence[tuple[Argument, str]]) -> float:
    """How far alpha * x * y * .. spreads: sharp scores (a large alpha or factor) reach over a mask of -1e4.

    Never below 1: what makes scores smaller leaves a mask what it was.
    """
    return clamped(
        math.prod((magnitude(value_of(value)) for value, _ in factors), start=abs(call.number("alpha", 1.0)))
    )


def _mask_added(call: Call, added: Argument, beta: float) -> Certain | None:
    """The mask that is added, `beta` times, to a product, as to the scores of an attention."""
    value = beta * level(value_of(added))
    if not value.any():
        return None
    return value.reshape((1,) * (len(call.shape) - value.ndim) + value.shape)
