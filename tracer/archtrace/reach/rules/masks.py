"""Additive masks through pointwise ops: what is known of the place and the spread of what may change.

An element is base * scale + offset, its base of ordinary size. Then, with k known:
(x + k) -> offset + k;  (x * k) -> offset * k, scale * |k|;  max(x, k) -> max(offset, k);  any other f -> no offset, and
a spread as large as the offset was: 1e5 * h - 2e4 is no mask, and what is left of (s - 1e4) * u is none either.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch

from archtrace.ops import BOUNDED, EXTREMES, KEEP_MASKS, MAXIMA, SUMS
from archtrace.reach.rules.registry import Call, Operand, leaves, value_of
from archtrace.reach.values import Certain, Unknown, certain_of, level, scale_of


class Place(NamedTuple):
    """Where the uncertain elements of a result lie, and how far they spread."""

    offset: Certain | None
    scale: float


_LARGE = 1e300


def place(call: Call, used: list[Operand]) -> Place:
    """Where a pointwise op puts its result."""
    dtype = call.results[0].dtype
    if not dtype.is_floating_point or call.name in BOUNDED:
        return Place(None, 1.0)
    if all(o.value.free and o.value.scale == 1 for o in used) and call.name not in _SHIFTS:
        return Place(None, 1.0)
    if call.name in KEEP_MASKS:
        return Place(used[0].value.offset, used[0].value.scale)
    known = _SHIFTS.get(call.name)
    found = known(call) if known is not None else None
    return found or spread_out(call.arguments.values())


def spread_out(values: Any) -> Place:
    """An op that no mask comes through: what it puts out is as large as what goes in."""
    return Place(None, ordinary(*map(magnitude, values)))


def ordinary(*scales: float) -> float:
    """The largest of some spreads, held between that of ordinary elements and what still has finite differences."""
    return min(max((1.0, *scales)), _LARGE)


def unmasked(call: Call) -> float:
    """The spread of what is made of the operands' own elements (taken, sorted, summed up), whose masks are lost."""
    numbers = (v for v in leaves(call.arguments) if isinstance(v, float) or _floating(value_of(v)))
    return spread_out(numbers).scale


def _floating(value: Any) -> bool:
    """Indices are no elements: how large they are does not count."""
    return isinstance(value, Unknown | torch.Tensor) and value.dtype.is_floating_point


def magnitude(value: Any) -> float:
    """How large the elements of an argument may be beside ordinary ones; what is not finite does not count."""
    value = value_of(value)
    if isinstance(value, Unknown):
        return value.magnitude
    if not isinstance(value, torch.Tensor | float | int):
        return 1.0
    numbers = np.abs(certain_of(value))
    return float(numbers.max(initial=0.0, where=np.isfinite(numbers)))


def _sides(call: Call) -> tuple[Any, Any]:
    return value_of(call["self"]), value_of(call["other"])


def weights(call: Call) -> tuple[float, float]:
    """The factors of `self` and `other` in a sum."""
    alpha = 1 if call["alpha"] is None else call["alpha"]
    a, b = SUMS[call.name]
    return (a * alpha, b) if call.name == "aten::rsub" else (a, b * alpha)


def _sum(call: Call) -> Place:
    left, right = _sides(call)
    a, b = weights(call)
    spread = [abs(k) * scale_of(v) for k, v in ((a, left), (b, right)) if isinstance(v, Unknown)]
    with np.errstate(invalid="ignore"):  # inf - inf is certainly not a number, and no mask
        return Place(a * level(left) + b * level(right), min(max(spread), _LARGE))


def _scaled(call: Call) -> Place | None:
    """x * k and k * x, x / k."""
    left, right = _sides(call)
    if isinstance(left, Unknown) and not isinstance(right, Unknown):
        factor = certain_of(right)
    elif isinstance(right, Unknown) and not isinstance(left, Unknown) and call.name == "aten::mul":
        left, factor = right, certain_of(left)
    elif call.name == "aten::mul":
        return Place(None, min(magnitude(left) * magnitude(right), _LARGE))
    else:
        return None
    with np.errstate(all="ignore"):  # a factor that is not finite leaves no mask
        factor = 1 / factor if call.name == "aten::div" else factor
        size = np.abs(factor).max(initial=0.0)
        spread = min(float(np.nan_to_num(left.scale * size, nan=_LARGE, posinf=_LARGE)), _LARGE)
        return Place(level(left) * factor if np.isfinite(size) else None, spread)


def _negated(call: Call) -> Place:
    value = value_of(call["self"])
    return Place(-level(value), scale_of(value))


def _extreme(call: Call) -> Place:
    """max(x, y) lies about max(x's place, y's place), and so do a minimum and a clamp."""
    names = ("self", "other", "min", "max")
    values = {n: value_of(call[n]) for n in names if call[n] is not None}
    at = level(values["self"])
    low = values.get("min", values.get("other") if call.name in MAXIMA else None)
    high = values.get("max", values.get("other") if call.name not in MAXIMA else None)
    at = np.maximum(at, 0.0) if call.name == "aten::relu" else at
    at = at if low is None else np.maximum(at, level(low))
    at = at if high is None else np.minimum(at, level(high))
    return Place(at, max(map(scale_of, values.values())))


_SHIFTS: dict[str, Callable[[Call], Place | None]] = {
    **dict.fromkeys(SUMS, _sum),
    **dict.fromkeys(EXTREMES, _extreme),
    "aten::mul": _scaled,
    "aten::div": _scaled,
    "aten::neg": _negated,
}
