"""Convolutions and pools: y[t] depends on x[t * stride - padding + k * dilation] for k within the kernel."""

from __future__ import annotations

from typing import Any

import numpy as np

from archtrace.flows import Contraction, Mask
from archtrace.rules.axes import letters
from archtrace.rules.registry import Call, Operand, Step, everything, rule, several, shape_of, single

CONVOLUTIONS = {"conv1d": 1, "conv2d": 2, "conv3d": 3}
POOLS = {"max_pool1d": 1, "max_pool2d": 2, "avg_pool1d": 1, "avg_pool2d": 2, "max_pool1d_with_indices": 1,
         "max_pool2d_with_indices": 2}
ADAPTIVE = {"adaptive_avg_pool1d": 1, "adaptive_max_pool1d": 1, "adaptive_avg_pool2d": 2}


@rule(*CONVOLUTIONS)
def convolution(call: Call) -> Step:
    """y[b, o, *t] = sum over c of o's group and the window of x[b, c, *u] W[o, c, *k] + bias[o]."""
    source, weight = call["input"], shape_of(call["weight"])
    spatial = len(weight) - 2
    if isinstance(call["padding"], str) or len(call.shape) != len(weight):
        return everything(call)
    windows = _windows(call, shape_of(source)[2:], call.shape[2:], weight[2:])
    groups = call["groups"] or 1
    channels = np.arange(weight[0])[:, None] // (weight[0] // groups) == np.arange(
        shape_of(source)[1]
    )[None, :] // weight[1]
    out = letters(spatial + 2)
    masks = _masks(windows, out[2:])
    flows = []
    if isinstance(source, Operand):
        inn = out[0] + "C" + _upper(spatial)
        group = () if groups == 1 else (Mask(out[1] + "C", channels),)
        flows.append((source.slot, Contraction(inn, out, (*masks, *group))))
    if isinstance(call["weight"], Operand):
        flows.append((call["weight"].slot, Contraction(out[1] + "C" + _upper(spatial), out)))
    if isinstance(call["bias"], Operand):
        flows.append((call["bias"].slot, Contraction(out[1], out)))
    return single(call, tuple(flows))


@rule(*POOLS)
def pool(call: Call) -> Step:
    """y[*, t] = f(x[*, u] for u in the window of t)."""
    source = call.operands[0]
    spatial = POOLS[call.name.removeprefix("aten::")]
    size, out_size = source.value.shape[-spatial:], call.shape[-spatial:]
    return _pooled(call, source, _windows(call, size, out_size, _each(call["kernel_size"], spatial)))


@rule(*ADAPTIVE)
def adaptive_pool(call: Call) -> Step:
    """Window t of n over a length m runs from floor(t m / n) to ceil((t + 1) m / n)."""
    source = call.operands[0]
    spatial = ADAPTIVE[call.name.removeprefix("aten::")]
    windows = []
    for length, count in zip(source.value.shape[-spatial:], call.shape[-spatial:], strict=True):
        t, u = np.arange(count)[:, None], np.arange(length)[None, :]
        windows.append((u >= t * length // count) & (u < -(-(t + 1) * length // count)))
    return _pooled(call, source, windows)


def _pooled(call: Call, source: Operand, windows: list[Any]) -> Step:
    out = letters(len(call.shape))
    lead = len(out) - len(windows)
    flow = Contraction(out[:lead] + _upper(len(windows)), out, _masks(windows, out[lead:]))
    return several(call, ((source.slot, flow),))


def _upper(count: int) -> str:
    return "UVW"[:count]


def _masks(windows: list[Any], axes: str) -> tuple[Mask, ...]:
    return tuple(Mask(a + u, w) for a, u, w in zip(axes, _upper(len(windows)), windows, strict=True))


def _windows(call: Call, sizes: Any, out_sizes: Any, kernel: Any) -> list[Any]:
    """For each spatial axis, which inputs lie in the window of which output."""
    spatial = len(sizes)
    stride = _each(call["stride"] if call["stride"] not in (None, []) else kernel, spatial)
    padding, dilation = _each(call["padding"] or 0, spatial), _each(call["dilation"] or 1, spatial)
    windows = []
    for axis in range(spatial):
        start = np.arange(out_sizes[axis]) * stride[axis] - padding[axis]
        offset = np.arange(sizes[axis])[None, :] - start[:, None]
        inside = (offset >= 0) & (offset < kernel[axis] * dilation[axis]) & (offset % dilation[axis] == 0)
        windows.append(inside)
    return windows


def _each(value: Any, count: int) -> list[int]:
    listed = list(value) if isinstance(value, list | tuple) else [value]
    return listed * count if len(listed) == 1 else listed
