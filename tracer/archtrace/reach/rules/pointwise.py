"""Pointwise ops: result[i] depends on operand[i], with broadcasting; and what is certain of the result.

certain inputs give certain outputs: f(c) = c';  0 * x = 0;  0 / x = 0;  x + (-inf) = -inf;
where(mask, x, y) takes one side where the mask is known.
A sum with a large negative number still changes: where it lies, for a softmax after it, masks.py works out.
"""

from __future__ import annotations

import numpy as np
import torch

from archtrace.ops import BINARY, LENDERS, ONE_ABSORBS, SUMS, UNARY, ZERO_ABSORBS
from archtrace.reach.flows import Contraction, Mask
from archtrace.reach.marks import Marks
from archtrace.reach.rules.contractions import (
    broadcast_axes,
    certain_mask,
    letters,
    pointwise_flows,
    reach,
    with_new_axes,
)
from archtrace.reach.rules.masks import result_area, scale_of_elements, weights
from archtrace.reach.rules.registry import (
    Argument,
    Call,
    Operand,
    Transfer,
    numbers_of,
    rule,
    shape_of,
    silent,
    single,
    unruled,
    value_of,
)
from archtrace.reach.scales import UNKNOWN, largest_scale, scale_of_weighted_sum
from archtrace.reach.values import LEAST_SCALE, MASKED, Certain, Unknown, certain_of, known_tensor, level, scale_of


@rule(*dict.fromkeys(UNARY + BINARY))
def pointwise(call: Call) -> Transfer:
    """result[i] = f(operands[i]); where the result is certain nothing flows."""
    lent = "other" if call.name in LENDERS else ""
    used = [v for k, v in call.arguments.items() if isinstance(v, Operand) and k != lent]
    certain = _vanished(call, _add_absorbed(call, _evaluate_certain(call, used)))
    masks = certain_mask(certain, letters(len(call.shape))) if certain is not None else ()
    at = result_area(call, used)
    step = single(call, pointwise_flows(call, used, masks), certain, to_rank(at.offset, len(call.shape)), at.scale)
    return silent(step, call[lent])


@rule("archtrace::by_key")
def by_key(call: Call) -> Transfer:
    """result[i, ..] = tensors[keys[i]][i, ..]: row i of one of the tensors, and key i says of which."""
    keys, tensors = call["base"], call.listed("src")
    out = letters(len(call.shape))
    # Known keys say of each row which tensor it is of.
    rows = [(Mask(out[0], (keys == n).numpy()),) if isinstance(keys, torch.Tensor) else () for n in range(len(tensors))]
    parts = ((tensor, out, mask) for tensor, mask in zip(tensors, rows, strict=True))
    return single(call, reach(out, (keys, out[0]), *parts), scale=scale_of_elements(call))


def _vanished(call: Call, certain: Certain | None) -> Certain | None:
    """exp(x - logsumexp(x)), a softmax spelled out: beside a highest element at zero, what lies MASKED below is 0."""
    value = call.value("self")
    if call.name != "aten::exp" or not isinstance(value, Unknown) or not value.normal or value.offset is None:
        return certain
    return _set_certain(call, certain, value.offset <= -MASKED * max(value.scale, LEAST_SCALE), 0.0)


def _evaluate_certain(call: Call, used: list[Operand]) -> Certain | None:
    """The op itself on the certain values; not certain wherever any operand is not."""
    if all(o.value.free for o in used) or call["train"] or call["training"]:
        return None
    facts = {id(o): o.value.certain for o in used}
    (result,) = call.run(lambda v: _plain(facts.get(id(v)), v.value) if isinstance(v, Operand) else v)
    certain = certain_of(result)
    for operand in used:
        certain = np.where(np.isnan(facts[id(operand)]), np.nan, certain)
    return certain


def _plain(certain: Certain | None, value: Unknown) -> torch.Tensor:
    """Some tensor that agrees with what is certain; a lent operand has one element, as only its type counts."""
    if certain is None:
        return torch.ones((1,) * len(value.shape), dtype=value.dtype)
    return torch.from_numpy(np.where(np.isnan(certain), 1.0, certain)).to(value.dtype)


def _add_absorbed(call: Call, certain: Certain | None) -> Certain | None:
    """Adds what is certain though one operand is not."""
    left = certain_of(call.value("input" if call["self"] is None else "self"))
    right = certain_of(call.value("other"))
    if call.name in ZERO_ABSORBS:
        certain = _set_certain(call, certain, (left == 0) & ~np.isinf(right) | (right == 0) & ~np.isinf(left), 0.0)
    if call.name in ONE_ABSORBS and call.results[0].dtype == torch.bool:
        return _set_certain(call, certain, (np.abs(left) > 0) | (np.abs(right) > 0), 1.0)
    if call.name == "aten::div":
        certain = _set_certain(call, certain, (left == 0) & ~(right == 0), 0.0)
    if call.name in SUMS:
        a, b = weights(call)
        left, right = a * left, b * right
        certain = _set_certain(call, certain, np.isneginf(left) & ~np.isposinf(right), -np.inf)
        certain = _set_certain(call, certain, np.isneginf(right) & ~np.isposinf(left), -np.inf)
    return certain


def _set_certain(call: Call, certain: Certain | None, where: Marks, value: float) -> Certain | None:
    if not where.any():
        return certain
    base = np.full((1,) * len(call.shape), np.nan) if certain is None else certain
    return np.where(where & np.isnan(base), value, base)


@rule("prelu")
def prelu(call: Call) -> Transfer:
    """prelu(x)[b, c, *] = max(0, x) + weight[c] * min(0, x)."""
    out = letters(len(call.shape))
    weight = call["weight"]
    shared = shape_of(weight) in ((), (1,)) or len(out) < 2
    axes = "A" * len(shape_of(weight)) if shared else out[1]
    return single(call, reach(out, (call["self"], out), (weight, axes)), scale=scale_of_weighted_sum(numbers_of(call)))


@rule("where")
def where(call: Call) -> Transfer:
    """where(condition, x, y)[i] = x[i] if condition[i] else y[i]; without x and y it lists where it holds."""
    if "self" not in call.arguments:
        return unruled(call, "how many elements hold is not known")
    return _choose(call, call["condition"], call["self"], call["other"])


@rule("masked_fill")
def masked_fill(call: Call) -> Transfer:
    """masked_fill(x, mask, v)[i] = v if mask[i] else x[i]."""
    return _choose(call, call["mask"], call["value"], call["self"])


def _choose(call: Call, condition: Argument, chosen: Argument, other: Argument) -> Transfer:
    if isinstance(condition, Operand):
        # Where both sides are certainly the same, it is all one which of them is taken.
        left, right, rank = certain_of(value_of(chosen)), certain_of(value_of(other)), len(call.shape)
        same = to_rank(np.asarray(np.where(left == right, left, np.nan)), rank)
        masks = certain_mask(same, letters(rank)) if same is not None else ()
        scale = largest_scale(map(value_of, (chosen, other)))
        return single(call, pointwise_flows(call, (condition, chosen, other), masks), same, scale=scale)
    holds = known_tensor(condition).numpy().astype(bool)
    axes = broadcast_axes(shape_of(condition), call.shape)
    flows = pointwise_flows(call, (chosen,), (Mask(axes, holds),))
    flows += pointwise_flows(call, (other,), (Mask(axes, ~holds),))
    yes, no, rank = value_of(chosen), value_of(other), len(call.shape)
    certain = np.where(holds, certain_of(yes), certain_of(no))
    offset = np.where(holds, level(yes), level(no))
    return single(call, flows, to_rank(certain, rank), to_rank(offset, rank), max(scale_of(yes), scale_of(no)))


def to_rank(facts: Certain | None, rank: int) -> Certain | None:
    """Facts with axes of length 1 in front, up to the rank of the result."""
    return None if facts is None else facts.reshape((1,) * (rank - facts.ndim) + facts.shape)


@rule("glu")
def glu(call: Call) -> Transfer:
    """glu(x)[.., i] = x[.., i] * sigmoid(x[.., i + n/2]), along `dim`."""
    operand = call.operands[0]
    axis = call.axis(len(operand.value.shape))
    names = letters(len(call.shape))
    out = names[:axis] + "Y" + names[axis + 1 :]
    pairs = np.tile(np.eye(call.shape[axis], dtype=bool), (2, 1))
    return single(call, reach(out, (operand, names, (Mask(names[axis] + "Y", pairs),))), scale=scale_of_elements(call))


@rule("view_as_complex", "view_as_real")
def complex_view(call: Call) -> Transfer:
    """A complex number and its two parts: the last axis, of length 2, goes or appears."""
    operand = call.operands[0]
    flow = Contraction(letters(len(operand.value.shape)), letters(len(call.shape)))
    return single(call, ((operand.slot, flow),), scale=scale_of_elements(call))


@rule("view.dtype")
def reinterpreted(call: Call) -> Transfer:
    """The same bits read as another type: an element of the same size stands for itself, else the last axis regroups.

    Of the bits nothing is certain: those of 0 and -0 differ. Nor is their scale: those of 1.0 are 1065353216.
    """
    operand, out = call.operands[0], letters(len(call.shape))
    same = call.results[0].dtype.itemsize == operand.value.dtype.itemsize
    return single(call, reach(out, (operand, out if same else with_new_axes(out, [len(out) - 1]))), scale=UNKNOWN)
