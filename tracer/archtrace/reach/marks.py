"""Marks: which labels stand on which elements of a tensor.

A mark array is boolean, of shape `(*axes, labels)`. Each axis is either as long as the tensor's or 1,
where 1 says that every index along it behaves alike, so that a hidden state of width 7168 whose
elements agree costs no more than one of width 8. What a label means is the caller's: a token position
for influence, a row of the logits for demand.
"""

from __future__ import annotations

from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

_Scalar = TypeVar("_Scalar", bound=np.generic)
#: An array whose lengths are known to be whole numbers, where numpy's own alias says nothing of them.
Array: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[_Scalar]]
Marks: TypeAlias = Array[np.bool_]
Shape: TypeAlias = tuple[int, ...]
#: The marks of a node: of its one result, or of each of several; None where there are none.
NodeMarks: TypeAlias = Marks | list[Marks | None] | None


def shrink(array: npt.NDArray[_Scalar], rank: int) -> npt.NDArray[_Scalar]:
    """Give length 1 to each of the first `rank` axes along which all entries are equal (NaN equals NaN)."""
    shrunk = array
    for axis in range(rank):
        if shrunk.shape[axis] > 1:
            # First against last before first against all: most axes that differ do so at their ends.
            before = (slice(None),) * axis
            first = shrunk[(*before, slice(0, 1))]
            if _alike(first, shrunk[(*before, slice(-1, None))]) and _alike(first, shrunk):
                shrunk = first
    # A view would keep all that was cut away in memory.
    return shrunk if shrunk is array else shrunk.copy()


def _alike(left: npt.NDArray[_Scalar], right: npt.NDArray[_Scalar]) -> bool:
    same = left == right
    if left.dtype.kind == "f":
        same |= np.isnan(left) & np.isnan(right)
    return bool(same.all())


#: Up to as many labels are looked at one by one: numpy is slow where its innermost loop is short.
_FEW = 8


def where(marks: Marks, allowed: Marks) -> Marks:
    """The marks on those elements that are allowed; `allowed` has no labels, and its axes broadcast."""
    labels, rank = marks.shape[-1], allowed.ndim
    if labels > _FEW:
        return shrink(marks & allowed[..., None], rank)
    result = np.empty((*np.broadcast_shapes(marks.shape[:-1], allowed.shape), labels), dtype=bool)
    for label in range(labels):
        np.logical_and(marks[..., label], allowed, out=result[..., label])
    return shrink(result, rank)


def spread(array: npt.NDArray[_Scalar], shape: Shape) -> npt.NDArray[_Scalar]:
    """The same marks with every axis at its full length: a read-only view of shape `(*shape, labels)`."""
    return np.broadcast_to(array, (*shape, *array.shape[len(shape) :]))


def single_marks(marks: NodeMarks) -> Marks | None:
    """The marks of a node with one result; None of one with several."""
    return None if isinstance(marks, list) else marks


def nothing(rank: int, labels: int) -> Marks:
    """No label on any element of a tensor of `rank` axes."""
    return np.zeros((1,) * rank + (labels,), dtype=bool)


def join(left: Marks | None, right: Marks) -> Marks:
    """The union of two mark arrays of one tensor; None stands for no marks."""
    return right if left is None else left | right


def diagonal(size: int, rank: int) -> Marks:
    """Label i on index i of the first axis of a tensor of `rank` axes: one label for each row of a batch."""
    return np.eye(size, dtype=bool).reshape(size, *(1,) * (rank - 1), size)
