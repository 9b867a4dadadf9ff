"""The receptive fields of positions: what of an image or a sound stands at each position of a read tensor."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from archtrace.answer.fields import Field, Fields
from archtrace.reach.marks import NodeMarks, single_marks
from archtrace.readout.analysis import Analysis
from archtrace.readout.tensors import ReadTensor, labels

#: An axis of more numbers than this is not followed: each has a label of its own, and a convolution costs their number.
MOST = 1_024


def fields(analysis: Analysis) -> tuple[Fields, ...]:
    """The fields of each read tensor in each input of numbers, in one layout; none where no axis tells them apart."""
    each_field = (
        _fields(analysis, tensor, name) for tensor in analysis.tensors(analysis.reference) for name in _inputs(analysis)
    )
    return tuple(each for each in each_field if each is not None)


def _inputs(analysis: Analysis) -> Iterator[str]:
    """The inputs that are numbers, and no text."""
    layout = analysis.layouts[analysis.reference]
    return (name for name in analysis.program.inputs if layout[name].is_floating_point() and layout[name].ndim >= 2)


def _fields(analysis: Analysis, tensor: ReadTensor, name: str) -> Fields | None:
    shape = analysis.layouts[analysis.reference][name].shape
    spans = {axis: _spans(analysis, tensor, name, axis) for axis in range(1, len(shape)) if 1 < shape[axis] <= MOST}
    # An axis of which every position sees all, as of channels, tells none apart.
    telling = {axis: own for axis, own in spans.items() if own and any(s not in (None, (0, shape[axis])) for s in own)}
    if not telling:
        return None
    fields = tuple(_field(parts) for parts in zip(*telling.values(), strict=True))
    # Features given in place of ids: position i stands for the i-th of them, and its number says it all.
    in_order = fields == tuple(((i, i + 1),) for i in range(len(fields)))
    return None if in_order else Fields(tensor.name, name, tuple(telling), fields)


def _field(parts: tuple[tuple[int, int] | None, ...]) -> Field | None:
    known = tuple(part for part in parts if part is not None)
    return known if len(known) == len(parts) else None


def _spans(analysis: Analysis, tensor: ReadTensor, name: str, axis: int) -> list[tuple[int, int] | None] | None:
    """For each position the part of an input's axis that it sees; None for one that sees nothing."""
    bound, shape = analysis.bounds[analysis.reference], analysis.layouts[analysis.reference][name].shape
    source = {bound.program.inputs[name]: labels(len(shape), axis, shape[axis])}
    marks = analysis.interpreter.influence(bound.run, source)
    place = _first(analysis, tensor, marks)
    if place is None:
        return None
    index, at = place
    own = single_marks(marks[index])
    assert own is not None  # else the input would not reach it
    visible = own.any(axis=tuple(a for a in range(own.ndim - 1) if a != at))
    rows = np.broadcast_to(visible, (bound.run.shape(index)[at], shape[axis]))
    return [(int(where[0]), int(where[-1]) + 1) if (where := np.flatnonzero(row)).size else None for row in rows]


def _first(analysis: Analysis, tensor: ReadTensor, marks: list[NodeMarks]) -> tuple[int, int] | None:
    """The first node with as many rows and positions as the tensor that the input reaches, and its axis."""
    bound = analysis.bounds[analysis.reference]
    rows, length = bound.run.shape(tensor.node)[0], bound.run.shape(tensor.node)[tensor.axis]
    for index in range(tensor.node + 1):
        own = single_marks(marks[index])
        if own is None or not bound.unknown(index) or index in analysis.program.inputs.values():
            continue
        shape = bound.run.shape(index)
        # The axis nearest to the rows: widths may be as long.
        at = next((a for a in range(1, len(shape)) if shape[a] == length and own.shape[a] > 1), None)
        if shape[:1] == (rows,) and at is not None:
            return index, at
    return None
