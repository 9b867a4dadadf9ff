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

from archtrace.reach.marks import Marks, Shape, shrink, spread


class Flow(Protocol):
    """A relation between the elements of an operand and those of a result."""

    def push(self, marks: Marks) -> Marks:
        """Marks of the result, from marks of the operand."""
        ...

    def pull(self, marks: Marks) -> Marks:
        """Marks of the operand, from marks of the result."""
        ...


class Take:
    """Result element o is operand element `index[o]`; -1 where it comes from elsewhere.

    `index` has the result's shape and counts the operand's elements in row-major order. Features mostly move together:
    stored is the longest run of elements that does, and where each run comes from.
    """

    def __init__(self, index: npt.NDArray[np.int64], operand: Shape) -> None:
        self._operand, self._result = operand, index.shape
        # Numbers for 2 x 19 x 768 elements say 768 times the same, so only the start of each run is stored.
        self._run = _longest_run(index, operand)
        starts = index.reshape(-1, self._run)[:, 0] if index.size else index.ravel()
        # 32 bits hold the number of any element here, and halve what the windows of a long model keep.
        self._targets = (starts >= 0).nonzero()[0].astype(np.int32)
        self._sources = (starts[self._targets] // self._run).astype(np.int32)

    def _index(self) -> npt.NDArray[np.int64]:
        """The index again, from its runs: stored whole, the windows of a long model would fill the memory."""
        runs = np.full((math.prod(self._result) // max(self._run, 1), self._run), -1, dtype=np.int64)
        runs[self._targets] = self._sources[:, None].astype(np.int64) * self._run + np.arange(self._run)
        return runs.reshape(self._result)

    def keeps(self, axis: int) -> bool:
        """True where the elements along an axis of the operand stand, one by one, along one axis of the result."""
        index = self._index()
        if not index.size or (index < 0).any():
            return False
        place = np.unravel_index(index, self._operand)[axis]
        for own in range(index.ndim):
            if index.shape[own] == self._operand[axis] and _counts_along(place, own):
                rest = index - place * math.prod(self._operand[axis + 1 :])
                return bool((rest == rest.take([0], axis=own)).all())
        return False

    def push(self, marks: Marks) -> Marks:
        return _carry(marks, self._operand, self._sources, self._targets, self._result, self._run)

    def pull(self, marks: Marks) -> Marks:
        return _carry(marks, self._result, self._targets, self._sources, self._operand, self._run)


def _counts_along(place: npt.NDArray[np.int64], axis: int) -> bool:
    """True where each entry is its own index along an axis."""
    shape = tuple(n if a == axis else 1 for a, n in enumerate(place.shape))
    return bool((place == np.arange(place.shape[axis]).reshape(shape)).all())


def _longest_run(index: npt.NDArray[np.int64], operand: Shape) -> int:
    """The longest run of elements, a product of last axes of the operand or the result, that moves as one."""
    # Features are last axes, and move together: candidates are the products of last axes of either side.
    lengths = {math.prod(shape[axis:]) for shape in (operand, index.shape) for axis in range(len(shape))}
    for run in sorted((n for n in lengths if n > 1), reverse=True):
        if index.size % run == 0 and math.prod(operand) % run == 0 and _moves_in_runs(index.reshape(-1, run)):
            return run
    return 1


def _moves_in_runs(runs: npt.NDArray[np.int64]) -> bool:
    # A run moves as one if it starts at a multiple of its length and its elements follow one another.
    first = runs[:, :1]
    if (first[first >= 0] % runs.shape[1]).any() or (
        runs[:, -1] - runs[:, 0] != (first[:, 0] >= 0) * (runs.shape[1] - 1)
    ).any():
        return False
    return bool((runs == np.where(first >= 0, first + np.arange(runs.shape[1]), -1)).all())


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
    marks: Marks,
    source_shape: Shape,
    sources: npt.NDArray[np.integer],
    targets: npt.NDArray[np.integer],
    target_shape: Shape,
    run: int = 1,
) -> Marks:
    """Marks of a tensor of shape `target_shape` whose run `targets[n]` gets the marks of run `sources[n]`.

    The runs are cut to the length along which the marks are alike.
    """
    # Marks that differ within a run cut it: both must be constant over what is carried as one.
    length = math.gcd(run, _alike_length(marks, source_shape))
    if length < run and length:
        steps = np.arange(run // length)
        sources, targets = ((r[:, None] * (run // length) + steps).ravel() for r in (sources, targets))
    marked, labels = _by_run(marks, source_shape, length)[sources].nonzero()
    flat = np.zeros((math.prod(target_shape) // max(length, 1), marks.shape[-1]), dtype=bool)
    # OR, not sum: several sources may land on one target.
    flat[targets[marked], labels] = True
    return _from_runs(flat, target_shape, length)


def _alike_length(marks: Marks, shape: Shape) -> int:
    """How many elements, a product of last axes, are alike."""
    # Behind the last axis along which anything varies, all is alike.
    varying = [axis for axis, size in enumerate(marks.shape[:-1]) if size != 1]
    return math.prod(shape[varying[-1] + 1 :]) if varying else math.prod(shape)


def _lead(shape: Shape, run: int) -> int:
    """How many leading axes to keep so that the last ones together hold whole runs."""
    return next((a for a in range(len(shape), -1, -1) if math.prod(shape[a:]) % run == 0), 0)


def _by_run(marks: Marks, shape: Shape, run: int) -> Marks:
    """One row of marks for each run of elements that are alike."""
    lead = _lead(shape, run)
    rows = spread(marks.reshape(*marks.shape[:lead], marks.shape[-1]), shape[:lead])
    flat = rows.reshape(math.prod(shape[:lead]), marks.shape[-1])
    return np.repeat(flat, math.prod(shape[lead:]) // max(run, 1), axis=0)


def _from_runs(flat: Marks, shape: Shape, run: int) -> Marks:
    """Marks of a tensor from one row for each run of its elements."""
    lead, labels = _lead(shape, run), flat.shape[-1]
    runs = math.prod(shape[lead:]) // max(run, 1)
    marks = shrink(flat.reshape(*shape[:lead], runs, labels), lead + 1)
    if marks.shape[lead] == 1:
        return marks.reshape(*marks.shape[:lead], *(1,) * (len(shape) - lead), labels)
    full = np.repeat(flat, run, axis=0).reshape(*shape, labels)
    return shrink(full, len(shape))


@dataclass(frozen=True, eq=False)
class Mask:
    """A boolean factor of a contraction over the axes that `axes` names; length 1 broadcasts."""

    axes: str
    allowed: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Contraction:
    """y[`result`] = OR over the axes that `result` lacks of x[`operand`] AND every mask.

    Axes are named by letters as in an einsum. A letter of `result` that the operand lacks is new: all its
    indices behave alike. A letter that the result lacks is summed away.
    """

    operand: str
    result: str
    masks: tuple[Mask, ...] = ()

    def push(self, marks: Marks) -> Marks:
        return _contract(marks, self.operand, self.result, self.masks)

    def pull(self, marks: Marks) -> Marks:
        return _contract(marks, self.result, self.operand, self.masks)


@dataclass(frozen=True, eq=False)
class Everything:
    """Every element of the operand may reach every element of the result."""

    operand_rank: int
    result_rank: int

    def push(self, marks: Marks) -> Marks:
        return _anywhere(marks, self.result_rank)

    def pull(self, marks: Marks) -> Marks:
        return _anywhere(marks, self.operand_rank)


def _anywhere(marks: Marks, rank: int) -> Marks:
    labels: Marks = np.asarray(marks.any(axis=tuple(range(marks.ndim - 1))))
    return labels.reshape(*(1,) * rank, marks.shape[-1])


_LABEL = "Z"


def _contract(marks: Marks, source: str, target: str, masks: tuple[Mask, ...]) -> Marks:
    """The boolean einsum behind Contraction; axes of length 1 are dropped first, since all their indices agree."""
    # Boolean einsum: OR over AND, in floats, since numpy has no boolean one; counts above zero are true.
    factors = [_squeeze(mask.allowed, mask.axes) for mask in masks]
    array, axes = _squeeze(marks, source + _LABEL, keep=_LABEL)
    # A letter that neither marks nor masks tell apart comes out with length 1.
    out_axes = "".join(a for a in target if a in axes or any(a in names for _, names in factors))
    if factors:
        spec = ",".join([axes, *(names for _, names in factors)]) + "->" + out_axes + _LABEL
        floats = [f.astype(np.float32) for f in (array, *(f for f, _ in factors))]
        result = np.einsum(spec, *floats, optimize=len(floats) > 2) > 0
    else:
        reduced: Marks = np.asarray(array.any(tuple(i for i, a in enumerate(axes) if a not in out_axes + _LABEL)))
        axes_left = "".join(a for a in axes if a in out_axes + _LABEL)
        result = reduced.transpose([axes_left.index(a) for a in out_axes + _LABEL])
    lengths = dict(zip(out_axes, result.shape, strict=False))
    return shrink(result.reshape(*(lengths.get(a, 1) for a in target), marks.shape[-1]), len(target))


def _squeeze(array: Marks, axes: str, keep: str = "") -> tuple[Marks, str]:
    stay = [i for i, a in enumerate(axes) if array.shape[i] != 1 or a in keep]
    return array.reshape([array.shape[i] for i in stay]), "".join(axes[i] for i in stay)
