"""Scaled dot-product attention, kept whole.

    y[*b, i, :] = sum_j softmax_j(q[*b, i, :] . k[*b, j, :] + mask[*b, i, j]) v[*b, j, :]

A key that the mask forbids reaches nothing. A row that allows one key alone has weight 1 on it, whatever
query and key are. A boolean mask that forbids the whole row leaves zeros; a large negative number everywhere
in a row forbids nothing, as softmax looks at differences.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from archtrace.flows import Contraction, Flow, Mask
from archtrace.marks import Marks
from archtrace.rules.axes import aligned, letters
from archtrace.rules.registry import Call, Operand, Step, rule, shape_of, single, value_of
from archtrace.values import MINUS_INFINITY, certain_of


@rule("scaled_dot_product_attention")
def attention(call: Call) -> Step:
    """See the file's caption; query heads may share the heads of key and value (enable_gqa)."""
    query, key, value, mask = (call[n] for n in ("query", "key", "value", "attn_mask"))
    out = letters(len(call.shape))
    batch, row, column = out[:-2], out[-2], out[-1]
    scores = (*call.shape[:-1], shape_of(key)[-2])
    allowed = _allowed(mask, scores, bool(call["is_causal"]))
    free = allowed.sum(-1) > 1
    share, shared = _shared_heads(batch, call.shape, shape_of(key))
    reach = Mask(batch + row + "J", allowed)
    contest = Mask(batch + row, free)
    flows: list[tuple[int, Flow]] = []
    if isinstance(query, Operand):
        flows.append((query.slot, Contraction(batch + row + "E", out, (contest,))))
    if isinstance(key, Operand):
        flows.append((key.slot, Contraction(shared + "JE", out, (reach, contest, *share))))
    if isinstance(value, Operand):
        flows.append((value.slot, Contraction(shared + "J" + column, out, (reach, *share))))
    if isinstance(mask, Operand):
        names = dict(zip(letters(len(scores)), batch + row + "J", strict=True))
        axes = "".join(names.get(a, a) for a in aligned(mask.value.shape, scores))
        flows.append((mask.slot, Contraction(axes, out, (reach, contest))))
    return single(call, tuple(flows))


def _allowed(mask: Any, scores: tuple[int, ...], causal: bool) -> Marks:
    """Which scores take part, as a boolean array of rank `len(scores)`."""
    allowed: Marks = np.ones((1,) * len(scores), dtype=bool)
    if causal:
        allowed = allowed & np.tri(*scores[-2:], dtype=bool)
    if mask is None:
        return np.broadcast_to(allowed, (*allowed.shape[:-2], *scores[-2:]))
    certain = certain_of(value_of(mask))
    certain = certain.reshape((1,) * (len(scores) - certain.ndim) + certain.shape)
    certain = np.broadcast_to(certain, (*certain.shape[:-2], *scores[-2:]))
    if value_of(mask).dtype == torch.bool:
        return allowed & (certain != 0)
    open_ = ~(certain <= MINUS_INFINITY)
    finite_row = ~open_.any(-1, keepdims=True) & ~np.isneginf(certain)
    return allowed & (open_ | finite_row)


def _shared_heads(batch: str, shape: tuple[int, ...], key: tuple[int, ...]) -> tuple[tuple[Mask, ...], str]:
    """The mask that tells which query head looks at which key head, and the key's batch axes."""
    if len(key) < 3 or shape[-3] == key[-3]:
        return (), _key_batch(batch, shape, key)
    group = np.arange(shape[-3]) // (shape[-3] // key[-3])
    heads = group[:, None] == np.arange(key[-3])[None, :]
    return (Mask(batch[-1] + "H", heads),), _key_batch(batch[:-1], shape[:-3], key[:-1]) + "H"


def _key_batch(batch: str, shape: tuple[int, ...], key: tuple[int, ...]) -> str:
    sizes = key[: len(batch)]
    return "".join(chr(ord("P") + i) if n == 1 and shape[i] != 1 else batch[i] for i, n in enumerate(sizes))
