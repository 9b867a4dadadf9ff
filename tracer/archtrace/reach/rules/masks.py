"""Additive masks through pointwise ops: what is known of the place and the spread of what may change.

An element is base * scale + offset, its base of ordinary size. Then, with k known:
(x + k) -> offset + k;  (x * k) -> offset * k, scale * |k|;  max(x, k) -> max(offset, k);  any other f -> no offset, and
a spread as large as f makes of what the offset was: 1e5 * h - 2e4 is no mask, nor is what is left of (s - 1e4) * u.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from archtrace.ops import (
    BOUNDED,
    EXPONENTIALS,
    EXTREMES,
    FACTORS,
    INVERSES,
    KEEP_MASKS,
    MAXIMA,
    POWERS,
    QUOTIENTS,
    STRETCHES,
    SUMS,
    UNSTATED,
)
from archtrace.reach.rules.registry import Call, Operand, numbers_of, value_of
from archtrace.reach.scales import (
    UNKNOWN,
    clamped,
    default_scale,
    is_ordinary,
    largest_scale,
    magnitude,
    scale_of_inverse,
    scale_of_product,
    scale_of_weighted_sum,
)
from archtrace.reach.values import Certain, Unknown, Value, certain_of, level, scale_of


class UncertainArea(NamedTuple):
    """Where the uncertain elements of a result lie, and how far they spread."""

    offset: Certain | None
    scale: float


def result_area(call: Call, used: list[Operand]) -> UncertainArea:
    """Where a pointwise op puts its result."""
    dtype = call.results[0].dtype
    if dtype == torch.bool or call.name in BOUNDED or not used:
        return UncertainArea(None, 1.0)
    if call.name in KEEP_MASKS:
        value = used[0].value
        return (
            UncertainArea(value.offset, value.scale)
            if dtype.is_floating_point
            else UncertainArea(None, largest_scale([value]))
        )
    shifted = _SHIFTS.get(call.name) if dtype.is_floating_point else None
    area = shifted(call) if shifted is not None else None
    return area or UncertainArea(None, _result_scale(call))


def _result_scale(call: Call) -> float:
    """How far what no mask comes through spreads: ordinary where all that goes in is."""
    values = [value_of(v) for v in call.arguments.values()]
    return 1.0 if all(map(is_ordinary, values)) else _GROWTHS.get(call.name, _largest_operand)(call)


def _largest_operand(call: Call) -> float:
    return largest_scale(map(value_of, call.arguments.values()))


def scale_of_elements(call: Call) -> float:
    """The spread of what is made of the operands' own elements (taken, sorted, summed up), whose masks are lost."""
    return largest_scale(numbers_of(call))


def _power(call: Call) -> float:
    """x ** k; an exponent that parameters decide is an ordinary one."""
    base, exponent = call.value("self"), call.value("exponent")
    if isinstance(exponent, Unknown) or not isinstance(base, Unknown):
        return UNKNOWN
    powers = certain_of(exponent)
    ends = (float(powers.max(initial=-np.inf)), float(powers.min(initial=np.inf)))
    return max(
        _scale_of_power(magnitude(base), p) if p >= 0 else _scale_of_power(scale_of_inverse(base), -p) for p in ends
    )


def _scale_of_power(size: float, power: float) -> float:
    return clamped(math.exp(min(power * math.log(size), math.log(UNKNOWN)))) if size > 0 else UNKNOWN


def _exponential(call: Call) -> float:
    return _scale_of_power(math.e, magnitude(call.value("self")))


def _quotient(call: Call) -> float:
    return clamped(magnitude(call.value("self")) * scale_of_inverse(call.value("other")))


def _sides(call: Call) -> tuple[Value, Value]:
    return call.value("self"), call.value("other")


def weights(call: Call) -> tuple[float, float]:
    """The factors of `self` and `other` in a sum."""
    alpha = call.number("alpha", 1.0)
    a, b = SUMS[call.name]
    return (a * alpha, b) if call.name == "aten::rsub" else (a, b * alpha)


def _sum(call: Call) -> UncertainArea:
    left, right = _sides(call)
    a, b = weights(call)
    spread = [abs(k) * scale_of(v) for k, v in ((a, left), (b, right)) if isinstance(v, Unknown)]
    with np.errstate(invalid="ignore"):  # inf - inf is certainly not a number, and no mask
        return UncertainArea(a * level(left) + b * level(right), min(max(spread), UNKNOWN))


def _scaled(call: Call) -> UncertainArea | None:
    """x * k and k * x, x / k."""
    left, right = _sides(call)
    if isinstance(left, Unknown) and not isinstance(right, Unknown):
        value, factor = left, certain_of(right)
    elif isinstance(right, Unknown) and not isinstance(left, Unknown) and call.name == "aten::mul":
        value, factor = right, certain_of(left)
    elif call.name == "aten::mul":
        return UncertainArea(None, scale_of_product((left, right)))
    else:
        return None
    with np.errstate(all="ignore"):  # a factor that is not finite leaves no mask
        factor = 1 / factor if call.name == "aten::div" else factor
        size = np.abs(factor).max(initial=0.0)
        spread = min(float(np.nan_to_num(value.scale * size, nan=UNKNOWN, posinf=UNKNOWN)), UNKNOWN)
        return UncertainArea(level(value) * factor if np.isfinite(size) else None, spread)


def _negated(call: Call) -> UncertainArea:
    value = call.value("self")
    return UncertainArea(-level(value), scale_of(value))


def _multiplied(call: Call) -> UncertainArea:
    value, factor = call.value("self"), FACTORS[call.name]
    return UncertainArea(level(value) * factor, scale_of(value) * factor)


def _extreme(call: Call) -> UncertainArea:
    """max(x, y) lies about max(x's place, y's place), and so do a minimum and a clamp."""
    names = ("self", "other", "min", "max")
    values = {n: call.value(n) for n in names if call[n] is not None}
    at = level(values["self"])
    low = values.get("min", values.get("other") if call.name in MAXIMA else None)
    high = values.get("max", values.get("other") if call.name not in MAXIMA else None)
    at = np.maximum(at, 0.0) if call.name == "aten::relu" else at
    at = at if low is None else np.maximum(at, level(low))
    at = at if high is None else np.minimum(at, level(high))
    return UncertainArea(at, max(map(scale_of, values.values())))


def _self(call: Call) -> float:
    return magnitude(call.value("self"))


_GROWTHS: dict[str, Callable[[Call], float]] = {
    **dict.fromkeys(STRETCHES, lambda call: scale_of_weighted_sum(map(value_of, call.arguments.values()))),
    "aten::mul": lambda call: scale_of_product(_sides(call)),
    **dict.fromkeys(EXPONENTIALS, _exponential),
    **dict.fromkeys(QUOTIENTS, _quotient),
    **dict.fromkeys(INVERSES, lambda call: clamped(scale_of_inverse(call.value("self")))),
    **dict.fromkeys(UNSTATED, lambda call: default_scale(numbers_of(call))),
    **dict.fromkeys(POWERS, _power),
    "aten::square": lambda call: _scale_of_power(_self(call), 2),
}
_SHIFTS: dict[str, Callable[[Call], UncertainArea | None]] = {
    **dict.fromkeys(SUMS, _sum),
    **dict.fromkeys(EXTREMES, _extreme),
    "aten::mul": _scaled,
    "aten::div": _scaled,
    "aten::neg": _negated,
    **dict.fromkeys(FACTORS, _multiplied),
}
