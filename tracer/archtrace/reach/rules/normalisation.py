"""Normalisations: all elements along some axes reach each other's results.

y[i, j] = f(x[i, :])[j]       the axes stay
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from archtrace.reach.flows import Mask
from archtrace.reach.marks import Marks
from archtrace.reach.rules.contractions import SPARE, certain_mask, letters, reach, with_new_axes
from archtrace.reach.rules.masks import scale_of_elements
from archtrace.reach.rules.registry import Call, Transfer, rule, several, silent, single
from archtrace.reach.scales import default_scale, largest_scale
from archtrace.reach.values import Certain, Unknown, is_open, level, masked


@rule("topk", "sort", "argsort", "msort")
def mix(call: Call) -> Transfer:
    """y[i, j] = f(x[i, :])[j], along `dim`."""
    operand = call.operands[0]
    axes = letters(len(operand.value.shape))
    mixed = call.axes(len(axes), [0 if call.name == "aten::msort" else -1])
    return several(call, reach(with_new_axes(axes, mixed), (operand, axes)), scale_of_elements(call))


@rule("renorm")
def renorm(call: Call) -> Transfer:
    """y[.., i, ..] = x[.., i, ..] scaled by its own norm over all axes but `dim`."""
    axes = letters(len(call.shape))
    others = [axis for axis in range(len(axes)) if axis != call.axis(len(axes))]
    out = with_new_axes(axes, others)
    return single(call, reach(out, (call["self"], axes)), scale=largest_scale([call.value("self")]))


@rule("softmax", "_softmax", "_safe_softmax")
def softmax(call: Call) -> Transfer:
    """softmax(x)[i, j] = exp(x[i, j]) / sum_k exp(x[i, k]): zero where x is minus infinity and the row has a rest."""
    operand = call.operands[0]
    value, shape = operand.value, operand.value.shape
    if not shape:
        return silent(single(call, (), np.ones(()), scale=1.0), operand)  # one element by itself: exp(x) / exp(x) = 1
    axis = call.axis(len(shape))
    axes = letters(len(shape))
    out = with_new_axes(axes, [axis])
    low = _masked_elements(value, axis)
    certain = softmax_certain(low, axis)
    flowing = is_open(value.certain) & ~low
    masks = (*certain_mask(certain, out), *(() if flowing.all() else (Mask(axes, flowing),)))
    return single(call, reach(out, (operand, axes, masks)), certain, scale=1.0)


def softmax_certain(beaten: Marks, axis: int) -> Certain:
    """What is certain after a softmax: 0 of what is masked, 1 of the only one left in its row."""
    only_one = (~beaten).sum(axis=axis, keepdims=True) == 1
    full = beaten.shape[axis] > 1
    return np.where(beaten, 0.0, np.where(only_one & full, 1.0, np.nan))


def _masked_elements(value: Unknown, axis: int) -> Marks:
    """Where an element is masked beside the highest of its row; axes along which all rows are alike have length 1."""
    levels = level(value)
    if levels.shape[axis] == 1:
        return np.zeros_like(levels, dtype=bool)
    return masked(levels, (axis,), value.scale)


@rule("log_softmax", "_log_softmax")
def log_softmax(call: Call) -> Transfer:
    """log_softmax(x)[i, j] = x[i, j] - log sum_k exp(x[i, k]): of what is masked, each reaches its own result alone."""
    operand = call.operands[0]
    value, shape = operand.value, operand.value.shape
    axes = letters(len(shape))
    if not shape:
        return silent(single(call, (), np.zeros(()), scale=1.0), operand)  # one element by itself: x - log exp(x) = 0
    axis = call.axis(len(shape))
    low = _masked_elements(value, axis)
    if not low.any():
        return single(call, reach(with_new_axes(axes, [axis]), (operand, axes)), scale=scale_of_elements(call))
    # The only one left in its row is x - log exp x = 0, and minus infinity stays what it is.
    only_one = ~low & ((~low).sum(axis=axis, keepdims=True) == 1)
    certain = np.where(only_one, 0.0, np.where(low & np.isneginf(value.certain), -np.inf, np.nan))
    uncertain = certain_mask(certain, axes)
    out = with_new_axes(axes, [axis])
    unmasked_pairs = (Mask(axes, ~low), *certain_mask(certain, out))
    offset = level(value) - level(value).max(axis=axis, keepdims=True)
    step = single(
        call,
        reach(axes, (operand, axes, uncertain)) + reach(out, (operand, axes, unmasked_pairs)),
        certain,
        offset,
        value.scale,
    )
    return replace(step, outputs=tuple(replace(o, normal=True) for o in step.outputs if isinstance(o, Unknown)))


@rule("layer_norm", "native_layer_norm", "rms_norm", "_fused_rms_norm")
def layer_norm(call: Call) -> Transfer:
    """y = (x - mean(x)) / std(x) * weight + bias over the last axes, those of `normalized_shape`.

    Further results (mean, 1 / std) have length 1 along these axes, and know nothing of weight and bias.
    """
    axes = letters(len(call.shape))
    first = len(axes) - len(call.integers("normalized_shape"))
    scaled = axes[:first] + "".join(SPARE[i] for i in range(first, len(axes)))
    moments = reach(scaled, (call["input"], axes))
    affine = reach(scaled, *((call[n], scaled[first:]) for n in ("weight", "bias")))
    # What was measured spreads as the elements do, or (1 / std) as their inverse; what was normalised is ordinary.
    measured = several(call, moments, default_scale([call.value("input")]))
    normed = single(call, moments + affine, scale=_affine(call))
    return Transfer((*normed.outputs, *measured.outputs[1:]), (*normed.flows, *measured.flows[1:]))


def _affine(call: Call) -> float:
    """The scale of weight * (what is ordinary) + bias."""
    return largest_scale(call.value(name) for name in ("weight", "bias"))


@rule("group_norm")
def group_norm(call: Call) -> Transfer:
    """Each group of channels is normalised over its channels and all positions."""
    axes = letters(len(call.shape))
    group = np.arange(call.shape[1]) // (call.shape[1] // call.integer("num_groups"))
    out = axes[0] + "Y" + "".join(SPARE[i] for i in range(2, len(axes)))
    same = Mask(axes[1] + "Y", group[:, None] == group[None, :])
    flows = reach(out, (call["input"], axes, (same,)), (call["weight"], "Y"), (call["bias"], "Y"))
    return single(call, flows, scale=_affine(call))


@rule("batch_norm", "instance_norm")
def channel_norm(call: Call) -> Transfer:
    """Each channel by itself: scaled by running statistics, by those of its row, or (in training) of its batch."""
    axes = letters(len(call.shape))
    mixed: list[int] = []
    if call["use_input_stats"]:
        mixed = list(range(2, len(axes)))
    elif call["training"]:
        mixed = [axis for axis in range(len(axes)) if axis != 1]
    out = with_new_axes(axes, mixed)
    names = ("weight", "bias") if mixed else ("weight", "bias", "running_mean", "running_var")
    flows = reach(out, (call["input"], axes), *((call[n], out[1]) for n in names))
    step = single(
        call, flows, scale=_affine(call) if mixed else default_scale(call.value(n) for n in ("input", *names))
    )
    # Where the batch or the row is measured, running statistics are written and not read.
    return silent(step, call["running_mean"], call["running_var"]) if mixed else step
