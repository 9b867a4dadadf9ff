"""Views without numbers: how the elements of a contiguous tensor move under an op that only looks at it differently.

A view is a geometry: element (i, j, ..) of the result is element `offset + i * stride[0] + j * stride[1] + ..` of the
operand, in row-major order. Where each axis of the result runs along one axis of the operand, marks are cut and
transposed; where axes are only merged or split, they are reshaped. Neither needs a number for each element, and a
hidden width of 7168 along which all is alike costs nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch

from archtrace.capture.memory import Geometry
from archtrace.reach.axis_views import Moved, Regroup, axiswise, contiguous, regrouped, whole
from archtrace.reach.flows import Flow, Take
from archtrace.reach.marks import Marks, Shape, shrink, where

_Scalar = TypeVar("_Scalar", bound=np.generic)


def geometry_flow(operand: Shape, own: Geometry) -> Flow:
    """The flow from a contiguous operand to a view of it."""
    return _along(operand, own) or _leading_flow(operand, own)


def _along(operand: Shape, own: Geometry) -> Moved | Regroup | Chained | None:
    """A view that runs along axes of the operand, or of another shape of it; None where it does not."""
    return axiswise(operand, own) or regrouped(operand, own) or _chained(operand, own)


@dataclass(frozen=True, eq=False)
class Chained:
    """A view of the operand under another shape: heads split off, then transposed and cut."""

    regroup: Regroup
    moved: Moved

    def push(self, marks: Marks) -> Marks:
        return self.moved.push(self.regroup.push(marks))

    def pull(self, marks: Marks) -> Marks:
        return self.regroup.pull(self.moved.pull(marks))


def chained(operand: Shape, moved: Moved) -> Moved | Chained:
    """A view of an operand of another shape than the one that is looked at."""
    regroup = None if moved.operand == operand else regrouped(operand, whole(moved.operand))
    return moved if regroup is None else Chained(regroup, moved)


def _chained(operand: Shape, own: Geometry) -> Moved | Chained | None:
    shape = strided_shape(operand, own)
    moved = None if shape is None else axiswise(shape, own)
    return None if moved is None else chained(operand, moved)


def strided_shape(operand: Shape, own: Geometry) -> Shape | None:
    """The shape of as many elements as the operand of which a view has the strides; None where there is none."""
    strides = sorted({s for n, s in zip(own.shape, own.stride, strict=True) if n > 1 and s}, reverse=True)
    bounds = [math.prod(operand), *strides, *(() if strides[-1:] == [1] else (1,))]
    pairs = list(pairwise(bounds))
    return None if any(not small or large % small for large, small in pairs) else tuple(a // b for a, b in pairs)


@dataclass(frozen=True, eq=False)
class Led:
    """A flow between leading axes, beside which `tail` axes stay what they are."""

    lead: Take
    operand_lead: int
    result_lead: int
    tail: int

    def push(self, marks: Marks) -> Marks:
        return self._beside(marks, self.operand_lead, self.lead.push)

    def pull(self, marks: Marks) -> Marks:
        return self._beside(marks, self.result_lead, self.lead.pull)

    def keeps(self, axis: int) -> bool:
        """True where the elements along an axis of the operand stand, one by one, along one axis of the result."""
        return axis >= self.operand_lead or self.lead.keeps(axis)

    def _beside(self, marks: Marks, rank: int, carry: object) -> Marks:
        assert callable(carry)
        # The axes that stay ride along as labels do: to the leading axes they are more of the same.
        moved: Marks = carry(marks.reshape(*marks.shape[:rank], -1))
        return moved.reshape(*moved.shape[:-1], *marks.shape[rank:])


def _leading_flow(operand: Shape, own: Geometry) -> Flow:
    """Numbers for the leading axes alone, where the last ones stay what they are."""
    # A window over positions moves whole hidden states: numbers for each feature would say the same 768 times.
    tail = 0
    while tail < min(len(operand), len(own.shape)) and _is_tail_unchanged(operand, own, tail + 1):
        tail += 1
    run = math.prod(operand[len(operand) - tail :])
    lead = Geometry(own.shape[: len(own.shape) - tail], tuple(s // run for s in own.stride[: len(own.shape) - tail]),
                    own.offset // run)  # fmt: skip
    take = Take(lead.places(), operand[: len(operand) - tail])
    return Led(take, len(operand) - tail, len(own.shape) - tail, tail) if tail else take


def _is_tail_unchanged(operand: Shape, own: Geometry, tail: int) -> bool:
    strides = contiguous(operand)
    last = len(own.shape) - tail
    run = math.prod(operand[len(operand) - tail :])
    return (
        own.shape[last:] == operand[len(operand) - tail :]
        and all(n == 1 or s == t for n, s, t in zip(own.shape[last:], own.stride[last:], strides[-tail:], strict=True))
        and all(s % run == 0 for s in own.stride[:last])
        and own.offset % run == 0
    )


@dataclass(frozen=True, eq=False)
class Turned:
    """The flow from a view to what it is a view of: an operand that lies in the result."""

    view: Moved | Chained

    def keeps(self, axis: int) -> bool:
        """True where the elements along an axis of the operand stand, one by one, along one axis of the result."""
        view = self.view
        return isinstance(view, Moved) and all(view.covers(a) for a in range(len(view.operand)))

    def push(self, marks: Marks) -> Marks:
        return self.view.pull(marks)

    def pull(self, marks: Marks) -> Marks:
        return self.view.push(marks)


@dataclass(frozen=True, eq=False)
class Unmoved:
    """Each element of the operand stays where it is if `allowed`, of as many axes, says so; length 1 broadcasts."""

    allowed: npt.NDArray[np.bool_]

    def push(self, marks: Marks) -> Marks:
        return where(marks, self.allowed)

    def pull(self, marks: Marks) -> Marks:
        return self.push(marks)


def view_fact(fact: npt.NDArray[_Scalar], shape: Shape, own: Geometry) -> npt.NDArray[_Scalar]:
    """What a view shows of a fact of each element of a tensor; axes of length 1 broadcast, before and after."""
    if fact.size == 1:
        return fact.reshape((1,) * len(own.shape))
    if own == whole(shape):
        return fact
    flow = _along(shape, own)
    if flow is not None:
        # Cut, transposed and reshaped as marks are, a label more or less.
        return flow.push(fact[..., None])[..., 0]  # type: ignore[arg-type,return-value]
    full = np.ascontiguousarray(np.broadcast_to(fact, shape)).ravel()
    strides = tuple(s * full.itemsize for s in own.stride)
    return shrink(np.lib.stride_tricks.as_strided(full[own.offset :], own.shape, strides), len(own.shape))


def view_geometries(run: Callable[[torch.Tensor], list[torch.Tensor]], shape: Shape) -> list[Geometry] | None:
    """The geometries of an op's results on a contiguous operand without memory; None where they are no views of it."""
    base = torch.empty(shape, device="meta")
    results = run(base)
    if any(r.untyped_storage()._cdata != base.untyped_storage()._cdata for r in results):
        return None
    return [Geometry(tuple(r.shape), tuple(r.stride()), int(r.storage_offset())) for r in results]
