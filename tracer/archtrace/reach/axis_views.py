"""Axes: views in which each axis of the result runs along one of the operand, or groups of axes are merged and split.

Marks are cut and transposed, or reshaped; a hidden width of 7168 along which all is alike costs nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from archtrace.capture.memory import Geometry
from archtrace.reach.marks import Marks, Shape, shrink

_Scalar = TypeVar("_Scalar", bound=np.generic)


def whole(shape: Shape) -> Geometry:
    """The geometry of a contiguous tensor."""
    return Geometry(shape, contiguous(shape), 0)


def contiguous(shape: Shape) -> tuple[int, ...]:
    """The strides of a contiguous tensor."""
    return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))


class AxisRun(NamedTuple):
    """How an axis of the operand is looked at: index `start + i * step` for i along axis `target` of the result.

    `target` is None where one index alone is looked at.
    """

    target: int | None
    start: int
    step: int


@dataclass(frozen=True, eq=False)
class Moved:
    """Each axis of the result runs along an axis of its own of the operand, or along none."""

    operand: Shape
    result: Shape
    runs: tuple[AxisRun, ...]

    def push(self, marks: Marks) -> Marks:
        """Cut each axis of the operand to what is looked at; put the axes where the result has them."""
        # An axis of length 1 says that all its indices are alike: cut, it still says so.
        for axis in range(len(self.operand)):
            if marks.shape[axis] > 1:
                marks = marks[(slice(None),) * axis + (self.cut(axis),)]
        # An axis of which one index is looked at is gone from the result (select), or has length 1 there (narrow).
        order = [axis for axis, run in enumerate(self.runs) if run.target is None]
        marks = marks.reshape(*(n for axis, n in enumerate(marks.shape) if axis not in order))
        # What is left stands in the operand's order; the result may have it in another (transpose).
        targets = [run.target for run in self.runs if run.target is not None]
        marks = np.transpose(marks, [*sorted(range(len(targets)), key=lambda i: targets[i]), len(targets)])
        lengths = dict(zip(sorted(targets), marks.shape, strict=False))
        return marks.reshape(*(lengths.get(axis, 1) for axis in range(len(self.result))), marks.shape[-1])

    def pull(self, marks: Marks) -> Marks:
        """Put the result's axes back, each where it was cut from; along axes of its own any index counts."""
        targets = [run.target for run in self.runs if run.target is not None]
        # An axis of the result that runs along none of the operand (expand) repeats one element: any of its
        # indices is a use of it.
        others = tuple(axis for axis in range(len(self.result)) if axis not in targets)
        marks = np.transpose(np.asarray(marks.any(axis=others, keepdims=True)), [*targets, *others, len(self.result)])
        marks = marks.reshape(*marks.shape[: len(targets)], marks.shape[-1])
        for axis, run in enumerate(self.runs):
            marks = self._uncut(marks if run.target is not None else np.expand_dims(marks, axis), axis, run)
        return shrink(marks, len(self.operand))

    def keeps(self, axis: int) -> bool:
        """True where the elements along an axis of the operand stand, one by one, along one axis of the result."""
        run = self.runs[axis]
        return run.target is not None and self._whole(axis, run)

    def _whole(self, axis: int, run: AxisRun) -> bool:
        length = 1 if run.target is None else self.result[run.target]
        return (run.start, run.step, length) == (0, 1, self.operand[axis])

    def one_to_one(self) -> bool:
        """True where each element of the operand is looked at once at most: nothing is repeated (expand)."""
        targets = {run.target for run in self.runs}
        return all(size == 1 or axis in targets for axis, size in enumerate(self.result))

    def covers(self, axis: int) -> bool:
        """True where all indices along an axis of the operand are looked at."""
        return self._whole(axis, self.runs[axis])

    def back(self, array: npt.NDArray[_Scalar]) -> npt.NDArray[_Scalar]:
        """An array of the result with its axes as the operand has them, cut as they are; needs `one_to_one`."""
        targets = [run.target for run in self.runs if run.target is not None]
        others = [axis for axis in range(array.ndim) if axis not in targets]
        array = np.transpose(array, [*targets, *others]).reshape([array.shape[axis] for axis in targets])
        return np.expand_dims(array, [axis for axis, run in enumerate(self.runs) if run.target is None])

    def cut(self, axis: int) -> slice:
        """What is looked at along an axis of the operand."""
        run = self.runs[axis]
        length = 1 if run.target is None else self.result[run.target]
        return slice(run.start, run.start + length * run.step, run.step)

    def _uncut(self, marks: Marks, axis: int, run: AxisRun) -> Marks:
        if self._whole(axis, run):
            return marks
        # What was cut away is looked at by nothing here, so it gets no mark.
        full = np.zeros((*marks.shape[:axis], self.operand[axis], *marks.shape[axis + 1 :]), dtype=bool)
        full[(slice(None),) * axis + (self.cut(axis),)] = marks
        return full


def axiswise(operand: Shape, own: Geometry) -> Moved | None:
    """The view in which each axis runs along one axis of the operand, forward, from some start and in some step."""
    if math.prod(operand) == 0 or math.prod(own.shape) == 0:
        return None
    # The offset is the first element; in mixed radix it is the start along each axis.
    strides = contiguous(operand)
    starts = [int(i) for i in np.unravel_index(own.offset, operand)] if operand else []
    runs = [AxisRun(None, start, 1) for start in starts]
    for axis, (size, stride) in enumerate(zip(own.shape, own.stride, strict=True)):
        # One element, or the same element again and again: this axis follows none of the operand's.
        if size == 1 or stride == 0:
            continue
        # Strides of a contiguous tensor fall from axis to axis, so a stride belongs to the first axis that is no
        # longer than it. A view that runs along the diagonal of two axes fits no single one of them.
        along = next((a for a, s in enumerate(strides) if operand[a] > 1 and s <= stride), None)
        if along is None or runs[along].target is not None or stride % strides[along]:
            return None
        step = stride // strides[along]
        # Past the end of the axis the next row begins: that is a merge, not a run.
        if starts[along] + (size - 1) * step >= operand[along]:
            return None
        runs[along] = AxisRun(axis, starts[along], step)
    return Moved(operand, own.shape, tuple(runs))


@dataclass(frozen=True, eq=False)
class Regroup:
    """Axes merged and split, all elements in their order: each group of axes here is a group of axes there."""

    operand: Shape
    result: Shape
    groups: tuple[tuple[Shape, Shape], ...]

    def push(self, marks: Marks) -> Marks:
        return _reshaped(marks, [(a, b) for a, b in self.groups])

    def pull(self, marks: Marks) -> Marks:
        return _reshaped(marks, [(b, a) for a, b in self.groups])

    def keeps(self, axis: int) -> bool:
        """True where the elements along an axis of the operand stand, one by one, along one axis of the result."""
        for own, out in self.groups:
            if axis < len(own):
                return own == out or [n for n in own if n > 1] == [n for n in out if n > 1]
            axis -= len(own)
        return False


def _reshaped(marks: Marks, groups: Sequence[tuple[Shape, Shape]]) -> Marks:
    """Marks with each group of axes in its other form; a group along which all is alike stays so."""
    full: list[int] = []
    target: list[int] = []
    at = 0
    for own, out in groups:
        # Only a group along which something differs is spelled out: a width that was split into heads costs
        # nothing as long as all its features are alike.
        varies = any(n > 1 for n in marks.shape[at : at + len(own)])
        full += own if varies else (1,) * len(own)
        target += out if varies else (1,) * len(out)
        at += len(own)
    spread = np.broadcast_to(marks, (*full, marks.shape[-1]))
    return shrink(spread.reshape(*target, marks.shape[-1]), len(target))


def regrouped(operand: Shape, own: Geometry) -> Regroup | None:
    """The whole operand in its order, under another shape."""
    if own.offset or own.stride != contiguous(own.shape) or math.prod(own.shape) != math.prod(operand) or not operand:
        return None
    return Regroup(operand, own.shape, groups(operand, own.shape)) if math.prod(operand) else None


def groups(left: Shape, right: Shape) -> tuple[tuple[Shape, Shape], ...]:
    """Two shapes of as many elements cut into the shortest groups of as many elements each."""
    pairs: list[tuple[Shape, Shape]] = []
    i = j = 0
    while i < len(left) or j < len(right):
        a, b = i, j
        n, m = 1, 1
        # Take from the side that has fewer elements until both sides of the group have as many: the prefix
        # products of the two shapes meet where a group ends.
        while i == a or j == b or n != m:
            if (n <= m and i < len(left)) or j >= len(right):
                if i >= len(left):
                    break
                n, i = n * left[i], i + 1
            else:
                m, j = m * right[j], j + 1
        pairs.append((left[a:i], right[b:j]))
    return tuple(pairs)
