"""Reductions and normalisations: all elements along some axes reach each other's results.

    reduction:      y[i]    = f(x[i, :])          the axes go, or stay with length 1
    normalisation:  y[i, j] = f(x[i, :])[j]       the axes stay
"""

from __future__ import annotations

from typing import Any

import numpy as np

from archtrace.flows import Contraction, Mask
from archtrace.marks import spread
from archtrace.rules.axes import SPARE, aligned, certain_mask, letters, normal
from archtrace.rules.registry import Call, Operand, Step, rule, several, single
from archtrace.values import MINUS_INFINITY, Certain

#: One or several results, with the axes of `dim` gone or of length 1.
REDUCTIONS = """
    sum mean prod amax amin aminmax max min any all var std var_mean std_mean logsumexp norm linalg_vector_norm argmax
    argmin median nanmedian nansum nanmean count_nonzero mode kthvalue
""".split()
#: A reduction of nothing but certain zeros is zero.
ZERO_SUMS = {"aten::sum", "aten::mean", "aten::amax", "aten::amin"}
#: Each result along `dim` may come from any element along it.
MIXES = "topk sort argsort renorm _weight_norm log_softmax _log_softmax softmin cummax_all".split()


@rule(*REDUCTIONS)
def reduction(call: Call) -> Step:
    """y[i] = f(x[i, :])."""
    operand = call.operands[0]
    if call["other"] is not None:
        return _binary_extreme(call)
    rank = len(operand.value.shape)
    gone = normal(call["dim"], rank)
    kept = len(call.shape) == rank and (bool(call["keepdim"]) or not rank)
    inn = letters(rank)
    out = "".join(SPARE[i] if i in gone and kept else a for i, a in enumerate(inn) if i not in gone or kept)
    flow = (operand.slot, Contraction(inn, out))
    if call.name in ZERO_SUMS:
        return single(call, (flow,), _zero_groups(operand.value.certain, operand.value.shape, gone, kept))
    return several(call, (flow,))


def _zero_groups(certain: Certain, shape: tuple[int, ...], axes: tuple[int, ...], keep: bool) -> Certain | None:
    zero = spread(certain, shape) == 0
    groups = zero.all(axis=axes, keepdims=keep) if zero.any() else np.zeros(())
    return np.where(groups, 0.0, np.nan) if groups.any() else None


def _binary_extreme(call: Call) -> Step:
    """max(x, y) and min(x, y) of two tensors are pointwise."""
    out = letters(len(call.shape))
    return single(
        call, tuple((o.slot, Contraction(aligned(o.value.shape, call.shape), out)) for o in call.operands)
    )


@rule("topk", "sort", "argsort", "log_softmax", "_log_softmax", "renorm")
def mix(call: Call) -> Step:
    """y[i, j] = f(x[i, :])[j], along `dim`."""
    operand = call.operands[0]
    inn = letters(len(operand.value.shape))
    axes = normal(-1 if call["dim"] is None else call["dim"], len(inn))
    out = "".join(SPARE[i] if i in axes else a for i, a in enumerate(inn))
    return several(call, ((operand.slot, Contraction(inn, out)),))


@rule("softmax", "_softmax", "_safe_softmax")
def softmax(call: Call) -> Step:
    """softmax(x)[i, j] = exp(x[i, j]) / sum_k exp(x[i, k]): zero where x is minus infinity and the row has a rest."""
    operand = call.operands[0]
    shape = operand.value.shape
    if not shape:
        return single(call, ())
    axis = call["dim"] % len(shape)
    inn = letters(len(shape))
    out = inn[:axis] + SPARE[axis] + inn[axis + 1 :]
    certain = softmax_certain(operand.value.certain, shape, axis)
    allowed = operand.value.certain
    masks = (*certain_mask(certain, out), *certain_mask(allowed, inn))
    return single(call, ((operand.slot, Contraction(inn, out, masks)),), certain)


def softmax_certain(certain: Certain, shape: tuple[int, ...], axis: int) -> Certain:
    """What is certain after a softmax: 0 at minus infinity, 1 where it is the only one left in its row.

    A row of nothing but minus infinities has no rest to lose to: nothing is certain of it.
    """
    if certain.shape[axis] == 1 and shape[axis] > 1:
        return np.full((1,) * len(shape), np.nan)
    minus = certain <= MINUS_INFINITY
    left = (~minus).sum(axis=axis, keepdims=True)
    result = np.where(minus & (left > 0), 0.0, np.nan)
    return np.where(~minus & (left == 1), 1.0, result)


@rule("layer_norm", "native_layer_norm", "rms_norm", "_fused_rms_norm")
def layer_norm(call: Call) -> Step:
    """y = (x - mean(x)) / std(x) * weight + bias over the last axes, those of `normalized_shape`."""
    rank = len(call.shape)
    inn = letters(rank)
    first = rank - len(call["normalized_shape"])
    out = inn[:first] + "".join(SPARE[i] for i in range(first, rank))
    flows = [(v.slot, Contraction(inn, out)) for v in (call["input"],) if isinstance(v, Operand)]
    affine = [v for v in (call["weight"], call["bias"]) if isinstance(v, Operand)]
    flows += [(v.slot, Contraction(out[rank - len(v.value.shape) :], out)) for v in affine]
    if len(call.results) > 1:
        return several(call, tuple((o.slot, Contraction("", "")) for o in ())) if not flows else _native(call, flows)
    return single(call, tuple(flows))


def _native(call: Call, flows: list[tuple[int, Contraction]]) -> Step:
    """The mean and the deviation that native_layer_norm also returns have length 1 along the normalised axes."""
    return several(call, tuple(flows))


@rule("group_norm")
def group_norm(call: Call) -> Step:
    """Each group of channels is normalised over its channels and all positions."""
    inn = letters(len(call.shape))
    channels = call.shape[1]
    group = np.arange(channels) // (channels // call["num_groups"])
    out = inn[0] + "Y" + "".join(SPARE[i] for i in range(2, len(inn)))
    same = Mask(inn[1] + "Y", group[:, None] == group[None, :])
    flows = [(v.slot, Contraction(inn, out, (same,))) for v in (call["input"],) if isinstance(v, Operand)]
    flows += [(v.slot, Contraction("Y", out)) for v in (call["weight"], call["bias"]) if isinstance(v, Operand)]
    return single(call, tuple(flows))


@rule("batch_norm")
def batch_norm(call: Call) -> Step:
    """In evaluation each channel is scaled and shifted by itself."""
    if call["training"]:
        from archtrace.rules.registry import everything

        return everything(call)
    out = letters(len(call.shape))
    flows: list[tuple[int, Any]] = []
    for name in ("input", "weight", "bias", "running_mean", "running_var"):
        if isinstance(call[name], Operand):
            flows.append((call[name].slot, Contraction(out if name == "input" else out[1], out)))
    return single(call, tuple(flows))
