"""Reductions: all elements along some axes reach the one that stands for them.

y[i] = f(x[i, :])          the axes go, or stay with length 1
"""

from __future__ import annotations

import numpy as np
import torch

from archtrace.ops import COUNTS, EVALUATED_REDUCTIONS, LARGEST, ONE_AXIS, REDUCTIONS, SQUARES
from archtrace.reach.flows import Mask
from archtrace.reach.marks import spread
from archtrace.reach.rules.contractions import SPARE, Source, letters, pointwise_flows, reach
from archtrace.reach.rules.masks import scale_of_elements
from archtrace.reach.rules.registry import Call, Operand, Transfer, numbers_of, rule, several, shape_of, single
from archtrace.reach.scales import clamped, default_scale, largest_scale, scale_of_product
from archtrace.reach.values import Certain, certain_of, level, masked


@rule(*REDUCTIONS)
def reduction(call: Call) -> Transfer:
    """y[i] = f(x[i, :]); max and min of two tensors are pointwise."""
    if call["other"] is not None:
        return single(call, pointwise_flows(call, call.operands), scale=scale_of_elements(call))
    operand = call.operands[0]
    shape = operand.value.shape
    reduced = call.axes(len(shape), [-1] if call.name in ONE_AXIS else [])
    # An axis that stays has length 1 and a new letter: what it indexes no longer matters.
    keepdim = bool(call["keepdim"])
    names = letters(len(shape))
    out = "".join(SPARE[i] if i in reduced else a for i, a in enumerate(names) if i not in reduced or keepdim)
    flows = reach(out, (operand, names, _mask_of_contenders(call, operand, reduced, names)))
    certain = _evaluated(call, operand) if call.name in EVALUATED_REDUCTIONS and len(call.results) == 1 else None
    step = single(call, flows, certain, _highest(call, operand, reduced, keepdim), _scale(call, operand))
    if len(call.results) == 1:
        return step
    # A maximum lies where the highest of its group does; the index beside it, or another moment, lies anywhere.
    others = several(call, flows, clamped(operand.value.magnitude))
    return Transfer((*step.outputs, *others.outputs[1:]), others.flows)


def _scale(call: Call, operand: Operand) -> float:
    """A variance is of squares, a product of any power; what counts or compares is ordinary."""
    if call.name in SQUARES:
        return scale_of_product((operand.value, operand.value))
    if call.name in COUNTS or call.name == "aten::prod":
        return 1.0 if call.name in COUNTS else default_scale([operand.value])
    return operand.value.scale if call.name in LARGEST else clamped(operand.value.magnitude)


def _mask_of_contenders(call: Call, operand: Operand, reduced: tuple[int, ...], names: str) -> tuple[Mask, ...]:
    """The mask of what is not far below the largest of its group."""
    if call.name not in LARGEST or operand.value.free:
        return ()
    low = masked(spread(level(operand.value), operand.value.shape), reduced, operand.value.scale)
    return (Mask(names, ~low),) if low.any() else ()


def _highest(call: Call, operand: Operand, reduced: tuple[int, ...], keepdim: bool) -> Certain | None:
    """A largest element lies about where the highest of its group does."""
    if call.name not in LARGEST - {"aten::argmax"} or operand.value.free:
        return None
    return np.asarray(
        spread(level(operand.value), operand.value.shape).max(axis=reduced, keepdims=keepdim, initial=-np.inf)
    )


def _evaluated(call: Call, operand: Operand) -> Certain | None:
    """The op itself on what is certain: NaN, the uncertain, passes through it."""
    certain = operand.value.certain
    if np.isnan(certain).all():
        return None
    full = torch.from_numpy(np.array(spread(certain, operand.value.shape)))
    return certain_of(call.run(lambda v: full if isinstance(v, Operand) else v)[0])


@rule("diff")
def diff(call: Call) -> Transfer:
    """y[.., t, ..] = x[.., t + 1, ..] - x[.., t, ..], `n` times over; `prepend` and `append` count."""
    parts = [value for value in (call["prepend"], call["self"], call["append"]) if value is not None]
    axis, times = call.axis(len(call.shape)), call.integer("n")
    names = letters(len(call.shape))
    out = names[:axis] + "Y" + names[axis + 1 :]
    sources: list[Source] = []
    start = 0
    for part in parts:
        length = shape_of(part)[axis]
        ahead = np.arange(start, start + length)[:, None] - np.arange(call.shape[axis])[None, :]
        sources.append((part, names, (Mask(names[axis] + "Y", (ahead >= 0) & (ahead <= times)),)))
        start += length
    return single(call, reach(out, *sources), scale=clamped(largest_scale(numbers_of(call)) * 2**times))
