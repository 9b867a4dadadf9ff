"""Losses: an element, or a row of class scores, against its target; `reduction` 0 keeps one loss for each."""

from __future__ import annotations

from archtrace.ops import ELEMENTWISE_LOSSES
from archtrace.reach.rules.contractions import SPARE, broadcast_axes, letters, reach
from archtrace.reach.rules.registry import Call, Transfer, everything, rule, shape_of, single


@rule(*ELEMENTWISE_LOSSES)
def elementwise(call: Call) -> Transfer:
    """y[i] = f(x[i], target[i]), weights broadcast; otherwise the sum or the mean of these."""
    if call["reduction"] != 0:
        return everything(call)
    values = (call[n] for n in ("self", "input", "target", "weight", "pos_weight"))
    out = letters(len(call.shape))
    return single(call, reach(out, *((v, broadcast_axes(shape_of(v), call.shape)) for v in values)))


@rule("cross_entropy_loss", "nll_loss", "nll_loss_nd", "nll_loss2d")
def classification(call: Call) -> Transfer:
    """y[b, *t] = f(x[b, :, *t], target[b, *t]); targets that are probabilities have the axis of classes too."""
    if call["reduction"] != 0:
        return everything(call)
    out = letters(len(call.shape))
    scores = (out[:1] + "C" + out[1:]) if len(shape_of(call["self"])) > 1 else "C"
    target = scores if len(shape_of(call["target"])) == len(scores) else out
    return single(call, reach(out, (call["self"], scores), (call["target"], target), (call["weight"], SPARE[10])))
