"""Scales: how far the elements of a value spread beside ordinary ones, and what an op makes of that.

Ordinary elements make ordinary ones, whatever the op; sums over positions and features count as ordinary too, as MASKED
leaves room for them. For anything else the result's scale is unknown unless the rule states one: a square, a product,
an inverse turn 1e5 into 1e10 and 1e-9 into 1e9. Rules state scales by these functions.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import torch

from archtrace.reach.values import LEAST_SCALE, Unknown, Value, certain_of

#: No scale: nothing but minus infinity lies below what may be as large as this; differences stay finite.
UNKNOWN = 1e300
#: Ids are no larger than any vocabulary is.
OF_IDS = 2.0**20
#: Constants count as ordinary up to this: exponents, norms, temperatures.
_NAMED = 64.0


def clamped(scale: float) -> float:
    """A scale within limits: at least that of ordinary elements, unless it is so small that an inverse is large."""
    return scale if scale < LEAST_SCALE else min(max(1.0, scale), UNKNOWN)


def magnitude(value: Value) -> float:
    """How large the elements of a value may be beside ordinary ones; what is not finite does not count."""
    if isinstance(value, Unknown):
        return value.magnitude
    if not isinstance(value, torch.Tensor | float | int):
        return 1.0
    numbers = np.abs(certain_of(value))
    return float(numbers.max(initial=0.0, where=np.isfinite(numbers)))


def largest_scale(values: Iterable[Value]) -> float:
    """Of what is taken, compared or summed up: as large as what goes in; unknown where that may be tiny."""
    values = list(values)
    return UNKNOWN if any(map(_may_be_tiny, values)) else clamped(max((1.0, *map(magnitude, values))))


def scale_of_product(values: Iterable[Value]) -> float:
    """Of a product."""
    return clamped(math.prod(map(magnitude, values)))


def scale_of_weighted_sum(values: Iterable[Value]) -> float:
    """Of sums in which some are multiplied by others: leaky_relu(x) = x beside slope * x."""
    values = list(values)
    return UNKNOWN if any(map(_may_be_tiny, values)) else clamped(math.prod(max(1.0, magnitude(v)) for v in values))


def scale_of_inverse(value: Value) -> float:
    """Of 1 / x: as large as x may be small, which nobody knows of what is not ordinary beside an offset."""
    if isinstance(value, Unknown):
        return 1 / value.scale if 0 < value.scale < 1 else 1.0 if value.scale else UNKNOWN
    numbers = np.abs(certain_of(value))
    least = float(numbers.min(initial=np.inf, where=numbers > 0))
    return 1 / least if 0 < least < 1 else 1.0


def default_scale(values: Iterable[Value]) -> float:
    """Of an op whose rule states no scale: ordinary if all that goes in is, else unknown."""
    return 1.0 if all(map(is_ordinary, values)) else UNKNOWN


def is_ordinary(value: Value) -> bool:
    """True where an element is of ordinary size, or none that has a size at all."""
    return magnitude(value) <= (1.0 if isinstance(value, Unknown) else _NAMED) and not _may_be_tiny(value)


def _may_be_tiny(value: Value) -> bool:
    return isinstance(value, Unknown) and value.scale < LEAST_SCALE and bool(value.open.any())
