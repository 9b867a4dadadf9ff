"""Scaled dot-product attention, as one op.

    y[*b, i, :] = sum_j softmax_j(q[*b, i, :] . k[*b, j, :] + mask[*b, i, j]) v[*b, j, :]

A key that the mask forbids reaches nothing. A row that allows one key alone has weight 1 on it, whatever
query and key are. A mask of False or minus infinity over a whole row leaves zeros; a large negative number
everywhere in a row forbids nothing, as softmax looks at differences.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from archtrace.reach.flows import Mask
from archtrace.reach.marks import Marks, Shape
from archtrace.reach.rules.contractions import broadcast_axes, letters, reach
from archtrace.reach.rules.registry import Call, Transfer, rule, shape_of, single, value_of
from archtrace.reach.scales import clamped, largest_scale, magnitude
from archtrace.reach.values import Unknown, certain_of, level, masked, scale_of


@rule("scaled_dot_product_attention")
def attention(call: Call) -> Transfer:
    """See the file's caption; query heads may share the heads of key and value (enable_gqa)."""
    query, key, value, mask = (call[n] for n in ("query", "key", "value", "attn_mask"))
    out = letters(len(call.shape))
    batch, row, column = out[:-2], out[-2], out[-1]
    scores = (*call.shape[:-1], shape_of(key)[-2])
    allowed = _allowed_scores(call, scores, bool(call["is_causal"]), _scale(call))
    reached = Mask(batch + row + "J", allowed)
    contest = Mask(batch + row, allowed.sum(-1) > 1)
    key_axes, key_heads = _shared(batch, call.shape, shape_of(key))
    value_axes, value_heads = _shared(batch, call.shape, shape_of(value))
    flows = reach(
        out,
        (query, broadcast_axes(shape_of(query)[:-2], call.shape[:-2], batch) + row + "X", (contest,)),
        (key, key_axes + "JX", (reached, contest, *key_heads)),
        (value, value_axes + "J" + column, (reached, *value_heads)),
        (mask, broadcast_axes(shape_of(mask), scores, batch + row + "J"), (reached, contest)),
    )
    # A row that may look at nothing is zeros: torch's own choice where a softmax alone would say NaN.
    empty = ~allowed.any(-1)
    certain = np.where(empty, 0.0, np.nan)[..., None] if empty.any() else None
    return single(call, flows, certain, scale=largest_scale([value_of(value)]))  # a mean of the values


def _allowed_scores(call: Call, scores: Shape, causal: bool, scale: float) -> Marks:
    """Which scores take part, as a boolean array of rank `len(scores)`."""
    allowed: Marks = np.ones((1,) * (len(scores) - 2) + scores[-2:], dtype=bool)
    if causal:
        allowed = allowed & np.tri(*scores[-2:], dtype=np.bool_)
    mask = call.value("attn_mask")
    if not isinstance(mask, Unknown | torch.Tensor):
        return allowed
    if mask.dtype == torch.bool:
        return np.asarray(allowed & (certain_of(mask) != 0))
    levels = np.where(allowed, level(mask), -np.inf)
    return np.asarray(~np.isneginf(levels) & ~masked(levels, (-1,), scale))


def _scale(call: Call) -> float:
    """How far scores spread: those of an ordinary query and key are ordinary, a large `scale` makes them sharp."""
    factors = (magnitude(call.value(n)) for n in ("query", "key"))
    scores = math.prod(factors, start=max(1.0, abs(call.number("scale", 1.0) or 1.0)))
    return clamped(max(scores, scale_of(call.value("attn_mask"))))


def _shared(batch: str, shape: Shape, own: Shape) -> tuple[str, tuple[Mask, ...]]:
    """The batch axes of key or value, and the mask that tells which query head looks at which of its heads."""
    if len(own) < 3 or own[-3] in (1, shape[-3]):
        return broadcast_axes(own[:-2], shape[:-2], batch), ()
    group = np.arange(shape[-3]) // (shape[-3] // own[-3])
    heads = group[:, None] == np.arange(own[-3])[None, :]
    return broadcast_axes(own[:-3], shape[:-3], batch[:-1]) + "H", (Mask(batch[-1] + "H", heads),)
