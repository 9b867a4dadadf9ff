"""Placing: operands that lie side by side in the result, or one in another. Each is a view of the result.

What is a view needs no number for each element (archtrace.reach.views): the flow is that of the view, turned round.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from archtrace.capture.memory import Geometry, WriteInto
from archtrace.reach.axis_views import Moved, axiswise, contiguous, whole
from archtrace.reach.flows import Flow
from archtrace.reach.marks import Shape
from archtrace.reach.rules.registry import Argument, Call, Operand, Transfer, shape_of, value_of
from archtrace.reach.values import Certain, certain_of, scale_of, unknown
from archtrace.reach.views import Turned, Unmoved, chained, strided_shape, view_fact


@dataclass(frozen=True, eq=False)
class _Part:
    """An operand, and where it lies in the frame, which is the result or another shape of it."""

    value: Argument
    place: Moved

    def fact(self, of: Callable[[Argument], Certain]) -> Certain:
        """A fact of each of its elements, with the axes of the frame."""
        own, shape = of(self.value), shape_of(self.value)
        ranked = own if own.ndim == len(shape) else np.broadcast_to(own, (1,) * len(shape))
        return self.place.back(view_fact(ranked, shape, whole(self.place.result)))


def placing_step(call: Call) -> Transfer | None:
    """The step of an op that places its operands; None where they do not lie along axes."""
    parts = _parts(call)
    if parts is None or math.prod(call.shape) == 0:
        return None
    fill = call.number("value", 0.0)
    offsets = _compose(parts, _offset_of, 0.0)
    value = unknown(
        call.shape,
        call.results[0].dtype,
        _as_result(_compose(parts, _certain_of, fill), parts, call.shape),
        weights_only=call.weights_only,
        offset=_as_result(offsets, parts, call.shape) if offsets.any() else None,
        scale=max(scale_of(value_of(part.value)) for part in parts),
    )
    return Transfer((value,), (tuple(_flows(parts, call)),))


def _flows(parts: Sequence[_Part], call: Call) -> Iterator[tuple[int, Flow]]:
    for number, part in enumerate(parts):
        if not isinstance(part.value, Operand):
            continue
        # What is written into loses what is written over.
        if isinstance(call.op, WriteInto) and number == 0:
            beside = 1.0 - _compose(parts[1:], lambda value: np.ones((1,) * len(shape_of(value))), 0.0)
            yield part.value.slot, Unmoved(_as_result(beside, parts, call.shape) > 0)
        else:
            yield part.value.slot, Turned(chained(call.shape, part.place))


def _as_result(table: Certain, parts: Sequence[_Part], shape: Shape) -> Certain:
    """A fact of each element of the frame as one of the result."""
    return view_fact(table, parts[0].place.operand, whole(shape))


def _parts(call: Call) -> list[_Part] | None:
    """The operands in the order in which they are written; None where one of them has no such place."""
    placing = _PLACES.get(call.name)
    places = placing(call) if placing else None
    if places is None:
        return None
    lying = (_parts_in_frame(frame, places, call) for frame in _frames(call))
    return next((parts for parts in lying if parts is not None), None)


def _parts_in_frame(frame: Shape, places: _Places, call: Call) -> list[_Part] | None:
    if frame != call.shape:  # what is written into is as large as the frame, whatever its shape
        places = [(places[0][0], whole(frame)), *places[1:]]
    runs = [(value, axiswise(frame, own)) for value, own in places]
    parts = [_Part(value, moved) for value, moved in runs if moved is not None and moved.one_to_one()]
    return parts if len(parts) == len(places) else None


def _frames(call: Call) -> Iterator[Shape]:
    """The result's shape; for a write through a view, the shape that has its strides."""
    yield call.shape
    if isinstance(call.op, WriteInto) and (shape := strided_shape(call.shape, call.op.own)) is not None:
        yield shape


def _inside(shape: Shape, own: Shape, starts: Sequence[int]) -> Geometry:
    """A box within a contiguous tensor."""
    strides = contiguous(shape)
    return Geometry(own, strides, sum(start * stride for start, stride in zip(starts, strides, strict=True)))


_Places: TypeAlias = list[tuple[Argument, Geometry]]


def _places_of_pad(call: Call) -> _Places | None:
    """A tensor within its padding; `pad` counts from the last axis, before and behind."""
    constant = call["mode"] in (None, "constant") and isinstance(call["value"], int | float | None)
    if not constant or any(isinstance(n, Operand) for n in call.listed("pad")):
        return None
    own, pad = shape_of(call["self"]), call.integers("pad")
    if min(pad, default=0) < 0:
        return None
    before = [*(0,) * (len(own) - len(pad) // 2), *pad[-2::-2]]
    return [(call["self"], _inside(call.shape, own, before))]


def _places_of_cat(call: Call) -> _Places | None:
    """Tensors one behind another."""
    tensors = call.listed("tensors")
    shapes = [shape_of(tensor) for tensor in tensors]
    # An empty tensor of one axis is passed over by torch, whatever the others are.
    if any(len(shape) != len(call.shape) or not math.prod(shape) for shape in shapes):
        return None
    places: _Places = []
    axis, at = call.axis(len(call.shape)), 0
    for tensor, shape in zip(tensors, shapes, strict=True):
        places.append((tensor, _inside(call.shape, shape, [at if a == axis else 0 for a in range(len(shape))])))
        at += shape[axis]
    return places


def _places_of_write(call: Call) -> _Places | None:
    """A tensor, and another one in some of its places."""
    if not isinstance(call.op, WriteInto):
        return None
    base, own = call.op.base, call.op.own
    if base.stride != contiguous(base.shape) or base.offset or shape_of(call["src"]) != own.shape:
        return None
    return [(call["base"], base), (call["src"], own)]


def _places_of_copy(call: Call) -> _Places | None:
    """All that was there is written over."""
    return [(call["src"], whole(call.shape))] if shape_of(call["src"]) == call.shape else None


_PLACES: dict[str, Callable[[Call], _Places | None]] = {
    "aten::constant_pad_nd": _places_of_pad, "aten::pad": _places_of_pad,
    "aten::cat": _places_of_cat, "aten::concat": _places_of_cat,
    "aten::copy": _places_of_copy, "archtrace::write_into": _places_of_write,
}  # fmt: skip


def _compose(parts: Sequence[_Part], of: Callable[[Argument], Certain], fill: float) -> Certain:
    """A fact of each element of the frame: of the last operand that lies there, or of what is filled in."""
    facts = [part.fact(of) for part in parts]
    # An axis counts where an operand is cut along it, or differs along it; along any other all is alike.
    lengths = tuple(
        n if any(f.shape[a] > 1 or not part.place.covers(a) for f, part in zip(facts, parts, strict=True)) else 1
        for a, n in enumerate(parts[0].place.operand)
    )
    table = np.full(lengths, fill)
    for fact, part in zip(facts, parts, strict=True):
        table[tuple(part.place.cut(a) if n > 1 else slice(None) for a, n in enumerate(lengths))] = fact
    return table


def _certain_of(value: Argument) -> Certain:
    return certain_of(value_of(value))


def _offset_of(value: Argument) -> Certain:
    offset = value.value.offset if isinstance(value, Operand) else None
    return np.zeros((1,) * len(shape_of(value))) if offset is None else offset
