"""Pointwise ops: result[i] depends on operand[i], with broadcasting; and what is certain of the result.

    certain inputs give certain outputs: f(c) = c';  0 * x = 0;  0 / x = 0;  x + (-inf) = -inf;
    where(mask, x, y) takes one side where the mask is known.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from archtrace.flows import Contraction, Mask
from archtrace.rules.axes import aligned, certain_mask, letters
from archtrace.rules.registry import Call, Operand, Step, rule, shape_of, single, value_of
from archtrace.values import MINUS_INFINITY, Certain, certain_of

UNARY = """
    abs neg exp exp2 expm1 log log2 log10 log1p sqrt rsqrt reciprocal square sin cos tan asin acos atan sinh cosh tanh
    asinh acosh atanh sigmoid logit erf erfc erfinv ceil floor round trunc frac sign sgn relu relu6 gelu silu mish elu
    selu celu leaky_relu hardtanh hardswish hardsigmoid hardshrink softshrink softplus log_sigmoid threshold
    logical_not bitwise_not isnan isinf isfinite nan_to_num clamp clamp_min clamp_max clip special_expm1 sinc
    dropout alpha_dropout feature_dropout real imag angle conj conj_physical _conj resolve_conj resolve_neg
    to _to_copy type_as contiguous clone alias detach lift_fresh_copy positive
""".split()

BINARY = """
    add sub rsub mul div floor_divide remainder fmod pow float_power maximum minimum fmax fmin atan2 hypot logaddexp
    logaddexp2 eq ne lt le gt ge logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor __and__ __or__
    __xor__ bitwise_left_shift bitwise_right_shift __lshift__ __rshift__ lerp addcmul addcdiv prelu heaviside copysign
    polar complex xlogy
""".split()

#: A zero on either side makes the result zero.
ZERO_ABSORBS = {f"aten::{n}" for n in ("mul", "logical_and", "bitwise_and", "__and__")}
#: A zero on the left makes the result zero.
ZERO_NUMERATOR = {f"aten::{n}" for n in ("div",)}
#: Minus infinity on either side stays (for a difference: plus infinity on the right).
SUMS = {f"aten::{n}": sign for n, sign in {"add": 1, "sub": -1}.items()}
#: Arguments that only lend their type or shape.
LENT = {"aten::type_as": "other"}


@rule(*dict.fromkeys(UNARY + BINARY), carries=True)
def pointwise(call: Call) -> Step:
    """result[i] = f(operands[i]); where the result is certain nothing flows."""
    lent = LENT.get(call.name)
    certain = _absorbed(call, _evaluated(call))
    out = letters(len(call.shape))
    masks = certain_mask(certain, out) if certain is not None else ()
    used = [v for k, v in call.arguments.items() if isinstance(v, Operand) and k != lent]
    flows = tuple((o.slot, Contraction(aligned(o.value.shape, call.shape), out, masks)) for o in used)
    return single(call, flows, certain)


def _evaluated(call: Call) -> Certain | None:
    """The op itself on the certain values; not certain wherever any operand is not."""
    if all(o.value.free for o in call.operands):
        return None
    result = call.run(lambda v: _plain(v.value) if isinstance(v, Operand) else v)
    certain = certain_of(result)
    for operand in call.operands:
        certain = np.where(np.isnan(operand.value.certain), np.nan, certain)
    return certain


def _plain(value: Any) -> torch.Tensor:
    return torch.from_numpy(np.nan_to_num(value.certain, nan=1.0, neginf=-np.inf, posinf=np.inf)).to(value.dtype)


def _absorbed(call: Call, certain: Certain | None) -> Certain | None:
    name = call.name
    left, right = call["self"], call["other"]
    if name in ZERO_ABSORBS:
        hits = [_is(left, lambda c: c == 0), _is(right, lambda c: c == 0)]
        return _mark(call, certain, hits, 0.0)
    if name in ZERO_NUMERATOR:
        return _mark(call, certain, [_is(left, lambda c: c == 0)], 0.0)
    if name in SUMS:
        sign = SUMS[name] * (call["alpha"] if call["alpha"] is not None else 1)
        hits = [_is(left, lambda c: c <= MINUS_INFINITY), _is(right, lambda c: sign * c <= MINUS_INFINITY)]
        return _mark(call, certain, hits, -np.inf)
    return certain


def _is(value: Any, test: Any) -> Any:
    """Where a test holds of an operand's certain values (NaN, the uncertain, passes no comparison)."""
    return test(certain_of(value_of(value)))


def _mark(call: Call, certain: Certain | None, hits: list[Any], value: float) -> Certain | None:
    where = np.logical_or.reduce(np.broadcast_arrays(*hits)) if len(hits) > 1 else hits[0]
    if not where.any():
        return certain
    base = np.full((1,) * len(call.shape), np.nan) if certain is None else certain
    return np.where(where & np.isnan(base), value, base)


@rule("where", carries=True)
def where(call: Call) -> Step:
    """where(condition, x, y)[i] = x[i] if condition[i] else y[i]."""
    if call["condition"] is None or call["self"] is None:
        return pointwise(call)
    return _choose(call, call["condition"], call["self"], call["other"])


@rule("masked_fill", carries=True)
def masked_fill(call: Call) -> Step:
    """masked_fill(x, mask, v)[i] = v if mask[i] else x[i]."""
    return _choose(call, call["mask"], call["value"], call["self"])


def _choose(call: Call, condition: Any, chosen: Any, other: Any) -> Step:
    out = letters(len(call.shape))
    if isinstance(condition, Operand):
        sides = [condition, chosen, other]
        flows = tuple(
            (s.slot, Contraction(aligned(s.value.shape, call.shape), out)) for s in sides if isinstance(s, Operand)
        )
        return single(call, flows)
    holds = condition.numpy().astype(bool)
    axes = aligned(shape_of(condition), call.shape)
    flows = tuple(
        (side.slot, Contraction(aligned(side.value.shape, call.shape), out, (Mask(axes, mask),)))
        for side, mask in ((chosen, holds), (other, ~holds))
        if isinstance(side, Operand)
    )
    certain = np.where(holds, certain_of(value_of(chosen)), certain_of(value_of(other)))
    return single(call, flows, certain.reshape((1,) * (len(call.shape) - certain.ndim) + certain.shape))


@rule("glu")
def glu(call: Call) -> Step:
    """glu(x)[.., i] = x[.., i] * sigmoid(x[.., i + n/2]), along `dim`."""
    operand = call.operands[0]
    axis = call["dim"] % len(operand.value.shape)
    half = call.shape[axis]
    inn = letters(len(call.shape))
    out = inn[:axis] + "y" + inn[axis + 1 :]
    pairs = np.tile(np.eye(half, dtype=bool), (2, 1))
    return single(call, ((operand.slot, Contraction(inn, out, (Mask(inn[axis] + "y", pairs),))),))


@rule("view_as_complex", "view_as_real")
def complex_view(call: Call) -> Step:
    """A complex number and its two parts: the last axis, of length 2, goes or appears."""
    operand = call.operands[0]
    flow = Contraction(letters(len(operand.value.shape)), letters(len(call.shape)))
    return single(call, ((operand.slot, flow),))
