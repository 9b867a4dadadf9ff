"""Placing: operands that lie side by side in the result, or one in another. Each is a view of the result.

What is a view needs no number for each element (archtrace.reach.views): the flow is that of the view, turned round.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from archtrace.capture.memory import Geometry, WriteInto
from archtrace.reach.flows import Flow
from archtrace.reach.marks import Shape
from archtrace.reach.rules.registry import Call, Operand, Step, shape_of, value_of
from archtrace.reach.values import Certain, Unknown, certain_of, scale_of, unknown
from archtrace.reach.views import Kept, Moved, Turned, axiswise, contiguous


@dataclass(frozen=True, eq=False)
class _Part:
    """An operand, and where it lies in the result."""

    value: Any
    place: Moved


def placed(call: Call) -> Step | None:
    """The step of an op that places its operands; None where they do not lie along the axes of the result."""
    parts = _parts(call)
    if parts is None or math.prod(call.shape) == 0:
        return None
    covered = isinstance(call.op, WriteInto)  # what is written into loses what is written over
    fill = 0.0 if call["value"] is None else float(call["value"])
    offsets = _composed(parts, call.shape, _offset_of, 0.0)
    value = unknown(
        call.shape,
        call.results[0].dtype,
        _composed(parts, call.shape, lambda v: certain_of(value_of(v)), fill),
        weights_only=call.weights_only,
        offset=offsets if offsets.any() else None,
        scale=max(scale_of(value_of(part.value)) for part in parts),
    )
    return Step((value,), (tuple(_flows(parts, call.shape, covered=covered)),))


def _flows(parts: Sequence[_Part], shape: Shape, *, covered: bool) -> Iterator[tuple[int, Flow]]:
    for number, part in enumerate(parts):
        if isinstance(part.value, Operand):
            under = covered and number + 1 < len(parts)
            yield part.value.slot, Kept(_beside(parts[number + 1], shape)) if under else Turned(part.place)


def _beside(part: _Part, shape: Shape) -> Any:
    """Where in the result an operand does not lie; broadcasts as marks do."""
    return ~_composed([part], shape, lambda v: np.ones((1,) * len(shape_of(v))), 0.0).astype(bool)


def _parts(call: Call) -> list[_Part] | None:
    """The operands in the order in which they are written; None where one of them has no such place."""
    placing = _PLACES.get(call.name)
    places = placing(call) if placing else None
    if places is None:
        return None
    found = [(value, axiswise(call.shape, own)) for value, own in places]
    if not all(moved is not None and moved.one_to_one() for _, moved in found):
        return None
    return [_Part(value, moved) for value, moved in found if moved is not None]


def _inside(shape: Shape, own: Shape, starts: Sequence[int]) -> Geometry:
    """A box within a contiguous tensor."""
    strides = contiguous(shape)
    return Geometry(own, strides, sum(start * stride for start, stride in zip(starts, strides, strict=True)))


_Places = list[tuple[Any, Geometry]]


def _padded(call: Call) -> _Places | None:
    """A tensor within its padding; `pad` counts from the last axis, before and behind."""
    own, pad, value = shape_of(call["self"]), list(call["pad"]), call["value"]
    constant = call["mode"] in (None, "constant") and isinstance(value, int | float | None)
    if not constant or any(isinstance(n, Operand) or n < 0 for n in pad):
        return None
    before = [*(0,) * (len(own) - len(pad) // 2), *pad[-2::-2]]
    return [(call["self"], _inside(call.shape, own, before))]


def _joined(call: Call) -> _Places | None:
    """Tensors one behind another."""
    shapes = [shape_of(tensor) for tensor in call["tensors"]]
    # An empty tensor of one axis is passed over by torch, whatever the others are.
    if any(len(shape) != len(call.shape) or not math.prod(shape) for shape in shapes):
        return None
    axis, at, found = call["dim"] % len(call.shape), 0, []
    for tensor, shape in zip(call["tensors"], shapes, strict=True):
        found.append((tensor, _inside(call.shape, shape, [at if a == axis else 0 for a in range(len(shape))])))
        at += shape[axis]
    return found


def _written(call: Call) -> _Places | None:
    """A tensor, and another one in some of its places."""
    base, own = call.op.base, call.op.own
    if base.stride != contiguous(base.shape) or base.offset or shape_of(call["src"]) != own.shape:
        return None
    return [(call["base"], base), (call["src"], own)]


_PLACES: dict[str, Callable[[Call], _Places | None]] = {
    "aten::constant_pad_nd": _padded, "aten::pad": _padded, "aten::cat": _joined, "aten::concat": _joined,
    WriteInto.__name__: _written,
}  # fmt: skip


def _composed(parts: Sequence[_Part], shape: Shape, fact: Callable[[Any], Certain], fill: float) -> Certain:
    """A fact of each element of the result: of the last operand that lies there, or of what is filled in."""
    facts = [part.place.back(_ranked(fact(part.value), len(shape_of(part.value)))) for part in parts]
    # An axis counts where an operand is cut along it, or differs along it; along any other all is alike.
    lengths = tuple(
        n if any(f.shape[a] > 1 or not part.place.covers(a) for f, part in zip(facts, parts, strict=True)) else 1
        for a, n in enumerate(shape)
    )
    table = np.full(lengths, fill)
    for found, part in zip(facts, parts, strict=True):
        table[tuple(part.place.cut(a) if n > 1 else slice(None) for a, n in enumerate(lengths))] = found
    return table


def _ranked(fact: Certain, rank: int) -> Certain:
    return fact if fact.ndim == rank else np.broadcast_to(fact, (1,) * rank)


def _offset_of(value: Any) -> Certain:
    held = value_of(value)
    offset = held.offset if isinstance(held, Unknown) else None
    return np.zeros((1,) * len(shape_of(value))) if offset is None else offset
