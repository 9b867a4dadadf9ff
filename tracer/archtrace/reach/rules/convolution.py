"""Convolutions and pools: y[t] depends on x[t * stride - padding + k * dilation] for k within the kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from archtrace.ops import ADAPTIVE_POOLS, CONVOLUTIONS, POOLS, TRANSPOSED_CONVOLUTIONS
from archtrace.reach.flows import Mask, Pairs
from archtrace.reach.marks import Marks, Shape
from archtrace.reach.rules.contractions import letters, reach
from archtrace.reach.rules.masks import scale_of_elements
from archtrace.reach.rules.registry import (
    Call,
    Operand,
    Transfer,
    invoke,
    numel,
    rule,
    several,
    shape_of,
    single,
    tensors_of,
    value_of,
)
from archtrace.reach.scales import largest_scale, scale_of_product

#: The most elements that a rule runs an op on; beyond, which of an axis are looked at is not followed.
_MOST = 2**24


class Window(NamedTuple):
    """One spatial axis: the long side has index `step * stride - padding + tap * dilation` for step on the short side.

    The result of a convolution is its short side, that of a transposed one the long side.
    """

    long: int
    short: int
    kernel: int
    stride: int
    padding: int
    dilation: int

    @property
    def inside(self) -> Marks:
        """[short, long]: some tap leads from the one to the other."""
        # Element `step` of the short side looks at start, start + dilation, .., kernel of them.
        start = np.arange(self.short)[:, None] * self.stride - self.padding
        offset = np.arange(self.long)[None, :] - start
        return np.asarray((offset >= 0) & (offset < self.kernel * self.dilation) & (offset % self.dilation == 0))

    def taps(self, transposed: bool) -> Marks:
        """[result, tap]: the tap meets an element there."""
        tap = np.arange(self.kernel)[None, :] * self.dilation - self.padding
        if not transposed:
            index = np.arange(self.short)[:, None] * self.stride + tap
            return np.asarray((index >= 0) & (index < self.long))
        index = np.arange(self.long)[:, None] - tap
        return np.asarray((index % self.stride == 0) & (index >= 0) & (index // self.stride < self.short))


@rule(*CONVOLUTIONS, *TRANSPOSED_CONVOLUTIONS)
def convolution(call: Call) -> Transfer:
    """y[b, o, *t] = sum over c of o's group and the window of x[b, c, *u] W[o, c, *k] + bias[o].

    Transposed, W[c, o, *k] counts o within its group.
    """
    transposed = call.name in TRANSPOSED_CONVOLUTIONS
    source, weight = call["input"], shape_of(call["weight"])
    spatial = len(weight) - 2
    lead = len(call.shape) - spatial
    out = letters(len(call.shape))
    channel, axes = out[lead - 1], out[lead:]
    windows = _windows(call, shape_of(source)[-spatial:], call.shape[lead:], weight[2:], transposed)
    meet = [Mask(a + u, w.inside.T if transposed else w.inside) for a, u, w in zip(axes, "UVW", windows, strict=False)]
    taps = [Mask(a + k, w.taps(transposed)) for a, k, w in zip(axes, "KLM", windows, strict=False)]
    same, own = _channels(call.integer("groups"), call.shape[lead - 1], shape_of(source)[lead - 1], channel, transposed)
    kernel = ("CD" if transposed else channel + "D") + "KLM"[:spatial]
    return single(
        call,
        reach(
            out,
            (source, out[: lead - 1] + "C" + "UVW"[:spatial], (*meet, *same)),
            (call["weight"], kernel, (*taps, *own)),
            (call["bias"], channel),
        ),
        scale=max(scale_of_product(map(value_of, (source, call["weight"]))), largest_scale([call.value("bias")])),
    )


def _channels(
    groups: int, outs: int, ins: int, channel: str, transposed: bool
) -> tuple[tuple[Mask, ...], tuple[Mask, ...]]:
    """Which input channels meet which output channel, and for a transposed weight which row and column do."""
    # Channels of a group meet those of the same group alone.
    out_group = np.arange(outs) // (outs // groups)
    same = out_group[:, None] == (np.arange(ins) // (ins // groups))[None, :]
    met = () if groups == 1 else (Mask(channel + "C", same),)
    if not transposed:
        return met, ()
    within = (np.arange(outs) % (outs // groups))[:, None] == np.arange(outs // groups)[None, :]
    return met, (*met, Mask(channel + "D", within))


@rule(*POOLS)
def pool(call: Call) -> Transfer:
    """y[*, t] = f(x[*, u] for u in the window of t)."""
    source = call.operands[0]
    spatial = POOLS[call.name]
    kernel = _each(call.integers("kernel_size"), spatial)
    windows = _windows(call, source.value.shape[-spatial:], call.shape[-spatial:], kernel)
    return _pooled(call, source, [w.inside for w in windows])


@rule(*ADAPTIVE_POOLS)
def adaptive_pool(call: Call) -> Transfer:
    """Window t of n over a length m runs from floor(t m / n) to ceil((t + 1) m / n)."""
    source = call.operands[0]
    spatial = ADAPTIVE_POOLS[call.name]
    windows = []
    for length, count in zip(source.value.shape[-spatial:], call.shape[-spatial:], strict=True):
        t, u = np.arange(count)[:, None], np.arange(length)[None, :]
        windows.append((u >= t * length // count) & (u < -(-(t + 1) * length // count)))
    return _pooled(call, source, windows)


def _pooled(call: Call, source: Operand, windows: list[Marks]) -> Transfer:
    out = letters(len(call.shape))
    lead = len(out) - len(windows)
    masks = tuple(Mask(a + u, w) for a, u, w in zip(out[lead:], "UVW", windows, strict=False))
    return several(call, reach(out, (source, out[:lead] + "UVW"[: len(windows)], masks)), scale_of_elements(call))


@rule("upsample_linear1d", "upsample_bilinear2d", "upsample_bicubic2d", "upsample_trilinear3d")
def interpolation(call: Call) -> Transfer:
    """y[b, c, *t] = sum over u of x[b, c, *u], weighted by a product of one factor an axis.

    The factors are those of the op itself: one channel for each u of an axis is 1 at u and 0 elsewhere.
    """
    operand = call.operands[0]
    return _pooled(call, operand, [_weighed(call, operand, axis) for axis in range(2, len(call.shape))])


def _weighed(call: Call, operand: Operand, axis: int) -> Marks:
    """[result, operand]: the factor of an axis is not zero."""
    sizes = operand.value.shape[2:]
    count = sizes[axis - 2]
    if count * numel(sizes) > _MOST:
        return np.ones((call.shape[axis], count), dtype=bool)
    ones = [count if a == axis else 1 for a in range(2, len(call.shape))]
    eye = torch.eye(count, dtype=torch.float64).reshape(1, count, *ones)
    (result,) = call.run(lambda v: eye.expand(1, count, *sizes).contiguous() if v is operand else v)
    rest = tuple(a for a in range(2, len(call.shape)) if a != axis)
    return np.asarray((result[0].numpy() != 0).any(tuple(a - 1 for a in rest)).T)


@rule("col2im")
def folded(call: Call) -> Transfer:
    """Each pixel is the sum of those places in the columns that im2col would fill with it."""
    operand = call.operands[0]
    pixels = torch.arange(1, numel(call.shape) + 1, dtype=torch.float64).reshape(call.shape)
    names = ("kernel_size", "dilation", "padding", "stride")
    (columns,) = tensors_of(invoke(torch.ops.aten.im2col.default, {"self": pixels, **{n: call[n] for n in names}}))
    targets = columns.reshape(-1).numpy().astype(np.int64) - 1
    inside = np.flatnonzero(targets >= 0)
    return single(call, ((operand.slot, Pairs(inside, targets[inside], operand.value.shape, call.shape)),),
                  scale=scale_of_elements(call))  # fmt: skip


def _windows(
    call: Call, sizes: Shape, out_sizes: Shape, kernel: Sequence[int], transposed: bool = False
) -> list[Window]:
    spatial = len(sizes)
    stride = _each(call.integers("stride") if call["stride"] else kernel, spatial)
    dilation = _each(call.integers("dilation") if call["dilation"] else [1], spatial)
    padding = _padding(call, kernel, dilation)
    long, short = (out_sizes, sizes) if transposed else (sizes, out_sizes)
    return [Window(*axis) for axis in zip(long, short, kernel, stride, padding, dilation, strict=True)]


def _padding(call: Call, kernel: Sequence[int], dilation: Sequence[int]) -> Sequence[int]:
    """The padding before the first element; "same" puts the odd one behind the last."""
    value = call["padding"]
    if isinstance(value, str):
        same = [d * (k - 1) // 2 for k, d in zip(kernel, dilation, strict=True)]
        return same if value == "same" else [0] * len(same)
    return _each(call.integers("padding") if value else [0], len(kernel))


def _each(listed: Sequence[int], count: int) -> list[int]:
    """One number for each axis; a single one is that of all."""
    return list(listed) * (count if len(listed) == 1 else 1)
