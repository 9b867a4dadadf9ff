"""Flows: how the elements of one operand reach the elements of one result.

A flow is a relation between two index sets, and works both ways: `push` carries marks from operand to
result (influence), `pull` from result to operand (demand). The two are transposes of each other. Four kinds of
relation are enough for every op: elements move (Take), elements meet where they land (Pairs), axes are
contracted (Contraction), or nothing better is known (Everything).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from archtrace.marks import Marks, Shape, nothing, shrink, spread


class Flow(Protocol):
    """A relation between the elements of an operand and those of a result."""

    def push(self, marks: Marks) -> Marks:
        """Marks of the result, from marks of the operand."""
        ...

    def pull(self, marks: Marks) -> Marks:
        """Marks of the operand, from marks of the result."""
        ...


@dataclass(frozen=True, eq=False)
class Take:
    """Result element o is operand element `index[o]`; -1 where it comes from elsewhere.

    `index` has the result's shape and counts the operand's elements in row-major order.
    """

    index: npt.NDArray[np.int64]
    operand: Shape

    def push(self, marks: Marks) -> Marks:
        flat = spread(marks, self.operand).reshape(math.prod(self.operand), marks.shape[-1])
        if not flat.size:
            return nothing(self.index.ndim, marks.shape[-1])
        taken = flat[self.index] & (self.index >= 0)[..., None]
        return shrink(taken, self.index.ndim)

    def pull(self, marks: Marks) -> Marks:
        here = self.index >= 0
        return _carry(marks, self.index.shape, here.ravel().nonzero()[0], self.index[here], self.operand)


@dataclass(frozen=True, eq=False)
class Pairs:
    """Operand element `sources[n]` reaches result element `targets[n]`, for each n; both count in row-major order."""

    sources: npt.NDArray[np.int64]
    targets: npt.NDArray[np.int64]
    operand: Shape
    result: Shape

    def push(self, marks: Marks) -> Marks:
        return _carry(marks, self.operand, self.sources, self.targets, self.result)

    def pull(self, marks: Marks) -> Marks:
        return _carry(marks, self.result, self.targets, self.sources, self.operand)


def _carry(
    marks: Marks, here: Shape, sources: npt.NDArray[np.int64], targets: npt.NDArray[np.int64], there: Shape
) -> Marks:
    """Marks of a tensor of shape `there` whose element `targets[n]` gets the marks of element `sources[n]`."""
    elements, labels = spread(marks, here).reshape(math.prod(here), -1)[sources].nonzero()
    flat = np.zeros((math.prod(there), marks.shape[-1]), dtype=bool)
    flat[targets[elements], labels] = True
    return shrink(flat.reshape(*there, marks.shape[-1]), len(there))


@dataclass(frozen=True, eq=False)
class Mask:
    """A boolean factor of a contraction over the axes that `axes` names; length 1 broadcasts."""

    axes: str
    allowed: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Contraction:
    """result[out] = OR over the axes not in `out` of operand[inn] AND every mask.

    Axes are named by letters as in an einsum. A letter of `out` that the operand lacks is new: all its
    indices behave alike. A letter that the result lacks is summed away.
    """

    inn: str
    out: str
    masks: tuple[Mask, ...] = ()

    def push(self, marks: Marks) -> Marks:
        return _contract(marks, self.inn, self.out, self.masks)

    def pull(self, marks: Marks) -> Marks:
        return _contract(marks, self.out, self.inn, self.masks)


@dataclass(frozen=True, eq=False)
class Everything:
    """Every element of the operand may reach every element of the result."""

    inn: int
    out: int

    def push(self, marks: Marks) -> Marks:
        return _anywhere(marks, self.out)

    def pull(self, marks: Marks) -> Marks:
        return _anywhere(marks, self.inn)


def _anywhere(marks: Marks, rank: int) -> Marks:
    labels = marks.shape[-1]
    return marks.reshape(-1, labels).any(0).reshape(*(1,) * rank, labels)


_LABEL = "Z"


def _contract(marks: Marks, source: str, target: str, masks: tuple[Mask, ...]) -> Marks:
    """The boolean einsum behind Contraction; axes of length 1 are dropped first, since all their indices agree."""
    factors = [_squeeze(mask.allowed, mask.axes) for mask in masks]
    array, axes = _squeeze(marks, source + _LABEL, keep=_LABEL)
    kept = "".join(a for a in target if a in axes or any(a in names for _, names in factors))
    if factors:
        spec = ",".join([axes, *(names for _, names in factors)]) + "->" + kept + _LABEL
        floats = [f.astype(np.float32) for f in (array, *(f for f, _ in factors))]
        result = np.einsum(spec, *floats, optimize=len(floats) > 2) > 0
    else:
        reduced: Marks = np.asarray(array.any(tuple(i for i, a in enumerate(axes) if a not in kept + _LABEL)))
        left = "".join(a for a in axes if a in kept + _LABEL)
        result = reduced.transpose([left.index(a) for a in kept + _LABEL])
    lengths = dict(zip(kept, result.shape, strict=False))
    return shrink(result.reshape(*(lengths.get(a, 1) for a in target), marks.shape[-1]), len(target))


def _squeeze(array: Marks, axes: str, keep: str = "") -> tuple[Marks, str]:
    kept = [i for i, a in enumerate(axes) if array.shape[i] != 1 or a in keep]
    return array.reshape([array.shape[i] for i in kept]), "".join(axes[i] for i in kept)
