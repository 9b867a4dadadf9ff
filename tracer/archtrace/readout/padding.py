"""Padding, defined once: a position is padding if the token that it carries is, and for no other reason.

A position carries a token where its embedding is there element by element: moved, scaled, added to, but not summed with
other positions. In `cat([cls, embed(ids)])` position 0 carries none and is no padding; position 1 carries token 0.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import torch

import archtrace.capture.inputs.layouts as lay
from archtrace.answer.positions import Rows, union
from archtrace.capture.inputs.input_names import MASKS
from archtrace.capture.inputs.layouts import Vocabulary
from archtrace.errors import LayoutError
from archtrace.reach.bound import Bound, batch_axis
from archtrace.reach.flows import Flow
from archtrace.reach.mark_cache import MarkCache
from archtrace.reach.marks import Marks, NodeMarks, single_marks, spread
from archtrace.reach.rules.registry import Flows, whole_number
from archtrace.reach.values import Unknown, Value
from archtrace.readout.analysis import Analysis, Carried
from archtrace.readout.expression import inputs_behind
from archtrace.readout.tensors import Place

#: For each row and position whether something is so.
Flags: TypeAlias = tuple[tuple[bool, ...], ...]

#: Beyond tensors of this many elements (scores over windows of 512) each position is taken to carry its own token: a
#: label for each token on each of them would fill the memory.
LARGEST = 4_000_000


def padding_of(layout: Mapping[str, torch.Tensor], vocabulary: Vocabulary, ids: str = "") -> Rows | None:
    """For each row the tokens of a text that are padding, by the first input that shows it; None where none does."""
    unpadded = lay.attended(layout, vocabulary, ids)
    return None if unpadded is None else tuple(tuple(int(p) for p in torch.where(~row)[0]) for row in unpadded)


def padded(analysis: Analysis, layout: str, vocabulary: Vocabulary) -> dict[str, Rows]:
    """By each input that holds tokens, and by each read tensor, the positions that are padding in a layout.

    Of a tensor they are those that carry a padded token. Left out is whatever no input shows the padding of.
    """
    carrying_padding: dict[str, Rows] = {}
    for ids, text in analysis.texts.items():
        unpadded = lay.attended(analysis.layouts[layout], vocabulary, ids)
        if unpadded is None:
            continue
        carrying_padding[ids] = _numbered((~unpadded).tolist())
        for tensor, carries in tokens_carried(text, layout).items():
            rows = _numbered(flags_of_positions((~unpadded).tolist(), carries, default=False))
            carrying_padding[tensor] = union(carrying_padding[tensor], rows) if tensor in carrying_padding else rows
    return carrying_padding


def _numbered(flags: Sequence[Sequence[bool]]) -> Rows:
    return tuple(tuple(p for p, flag in enumerate(row) if flag) for row in flags)


def flags_of_positions(flags: Sequence[Sequence[bool]], carries: Carried, *, default: bool) -> Flags:
    """For each row and position of a tensor whether a flag of its tokens holds; `default` where it carries none."""
    return tuple(
        tuple(any(flags[row][t] for row, t in tokens) if tokens else default for tokens in of_row) for of_row in carries
    )


def tokens_carried(analysis: Analysis, layout: str) -> dict[str, Carried]:
    """What the positions of each read tensor carry.

    Which token stands where does not depend on which of them are padding, though a model may zero the states of pads:
    so the first layout answers for all, with no padding in it. Behind a recurrence or a convolution no position
    carries a token; where there are as many of them as tokens, each stands for its own.
    """
    first = next(iter(analysis.bounds))
    first_carried = _cached(analysis, first)
    reads = analysis.reads(layout)
    lengths = {name: analysis.bounds[layout].run.shape(node)[axis] for name, (node, axis) in reads.items()}
    fits = all(name in first_carried and len(first_carried[name][0]) == n for name, n in lengths.items())
    return first_carried if fits else _cached(analysis, layout)


def _cached(analysis: Analysis, layout: str) -> dict[str, Carried]:
    if layout not in analysis.carried:
        analysis.carried[layout] = _carried_unpadded(analysis, layout)
    return analysis.carried[layout]


def _carried_unpadded(analysis: Analysis, layout: str) -> dict[str, Carried]:
    """What positions carry where none is padding: of one token among pads attention has nothing else to read, and so
    would carry it to all positions."""
    inputs = _unpadded(analysis, layout)
    try:
        unpadded = _carried(
            analysis if inputs is None else replace(analysis, layouts={layout: inputs}, refused={}, carried={}), layout
        )
    except LayoutError:  # the model takes no such batch
        return _carried(analysis, layout)
    return unpadded if unpadded.keys() == analysis.reads(layout).keys() else _carried(analysis, layout)


def _unpadded(analysis: Analysis, layout: str) -> dict[str, torch.Tensor] | None:
    """The inputs of a layout with ordinary tokens in place of padding; None where there is none."""
    inputs = analysis.layouts[layout]
    vocabulary = lay.vocabulary_of(
        analysis.module if getattr(analysis.module, "config", None) is None else analysis.module.config
    )
    unpadded = lay.attended(inputs, vocabulary, analysis.ids)
    if unpadded is None or unpadded.all():
        return None
    inputs_unpadded = {name: _with_nothing_padded(name, value, unpadded.shape[-1]) for name, value in inputs.items()}
    ids = inputs[analysis.ids]
    if ids.shape == unpadded.shape and not ids.is_floating_point():
        inputs_unpadded[analysis.ids] = torch.where(unpadded, ids, vocabulary.ordinary[0])
    return inputs_unpadded


def _with_nothing_padded(name: str, value: torch.Tensor, length: int) -> torch.Tensor:
    """An input that shows padding, as it is where nothing is padded; any other as it is."""
    if name in lay.COUNTS:
        return torch.full_like(value, length)
    if name in lay.TELLING:
        return torch.zeros_like(value)
    return torch.ones_like(value) if name in MASKS and value.ndim == 2 else value


def _carried(analysis: Analysis, layout: str) -> dict[str, Carried]:
    bound, reads = analysis.bounds[layout], analysis.reads(layout)
    features = analysis.length if bound.unknown(bound.program.inputs[analysis.ids]) else 1
    if max(map(_size, bound.run.values), default=0) * features > LARGEST:
        return {name: _in_order(bound.run.shape(node), axis, analysis.length) for name, (node, axis) in reads.items()}
    ids = bound.program.inputs[analysis.ids]
    same_rows = _has_rows_of_tokens(analysis, bound, reads)
    marks = _marks(bound, ids, analysis.length, apart=not same_rows)
    return {
        name: _table(
            single_marks(marks[node]),
            bound.run.shape(node),
            axis,
            analysis.length,
            only_text=_is_only_text(bound, node, analysis.ids),
        )
        for name, (node, axis) in reads.items()
    }


def _has_rows_of_tokens(analysis: Analysis, bound: Bound, reads: Mapping[str, Place]) -> bool:
    """Whether each row of the tensors is the same row of the tokens: else the labels tell rows apart as well."""
    shape = bound.run.shape(bound.program.inputs[analysis.ids])
    own = (bound.run.shape(node)[batch_axis(axis)] for node, axis in reads.values())
    return (len(shape) < 3 or bound.unknown(bound.program.inputs[analysis.ids])) and set(own) <= {shape[0]}


def _is_only_text(bound: Bound, node: int, ids: str) -> bool:
    """Whether a tensor is made of this text and no other: made of several, it carries none of them in order."""
    inputs = bound.program.inputs
    behind = inputs_behind(bound.program, {node})
    return {n for n in behind if getattr(bound.run.values[inputs[n]], "ids", False)} <= {ids}


def _size(value: Value) -> int:
    """The elements of what tokens may reach: no weight carries one."""
    if isinstance(value, list | tuple):
        return max(map(_size, value), default=0)
    return value.size if isinstance(value, Unknown) and not value.weights_only else 0


def _in_order(shape: tuple[int, ...], axis: int, length: int) -> Carried:
    """Position i carries token i of its row, as far as there are tokens."""
    rows, positions = range(shape[batch_axis(axis)]), range(shape[axis])
    return tuple(tuple(frozenset({(row, p)} if p < length else ()) for p in positions) for row in rows)


def tokens_read(read: Rows, carries: Carried, rows: int) -> Rows:
    """For each row of the tokens those that the positions which are read carry; of `rows` in all."""
    tokens = {token for row, of_row in zip(read, carries, strict=True) for p in row for token in of_row[p]}
    return tuple(tuple(sorted(t for r, t in tokens if r == row)) for row in range(rows))


def _table(marks: Marks | None, shape: tuple[int, ...], axis: int, length: int, *, only_text: bool) -> Carried:
    marks = None if marks is None else marks[..., :-1]
    if marks is None or not marks.any():
        return _in_order(shape, axis, length if only_text and shape[axis] == length else 0)
    by_row_and_position = np.moveaxis(spread(marks, shape), (batch_axis(axis), axis), (0, 1))
    table: Marks = np.asarray(by_row_and_position.any(axis=tuple(range(2, by_row_and_position.ndim - 1))))
    # a label for each token of a row, or for each of every row
    own = table.shape[-1] == length
    return tuple(
        tuple(
            frozenset((row, i) if own else divmod(i, length) for i in np.flatnonzero(at).tolist()) for at in positions
        )
        for row, positions in enumerate(table)
    )


def _marks(bound: Bound, ids: int, length: int, *, apart: bool) -> list[NodeMarks]:
    """For each node the tokens that its elements carry, those of different rows `apart` or not; the last label stands
    for a mixture."""
    shape = bound.run.shape(ids)
    axis = 1 if bound.unknown(ids) else len(shape) - 1
    count = math.prod(shape[: axis + 1]) if apart else length
    sizes = (n if (apart and a <= axis) or a == axis else 1 for a, n in enumerate(shape))
    marks: list[NodeMarks] = [None] * len(bound.program.nodes)
    marks[ids] = np.eye(count, count + 1, dtype=bool).reshape(*sizes, count + 1)
    carrying = _Carrying()
    for node in bound.program.nodes:
        step = bound.run.steps[node.index]
        if node.target is operator.getitem and isinstance(parts := marks[node.refs[0]], list):
            marks[node.index] = parts[whole_number(node.args[1])]
        elif step is not None:
            sources = [single_marks(marks[ref]) for ref in node.refs]
            results = [carrying.result(flows, sources) for flows in step.flows]
            marks[node.index] = results if node.many else results[0] if results else None
    return marks


class _Carrying:
    """Carries tokens along flows. An element carries one or is a mixture; equal layers are looked at once."""

    def __init__(self) -> None:
        self._marks = MarkCache()
        self._known: dict[Hashable, tuple[tuple[Marks, ...], Marks]] = {}

    def result(self, flows: Flows, sources: Sequence[Marks | None]) -> Marks | None:
        """What one result carries."""
        parts = [self._part(flow, source) for slot, flow in flows if (source := sources[slot]) is not None]
        return self._once(_joined, *parts) if len(parts) > 1 else next(iter(parts), None)

    def _part(self, flow: Flow, source: Marks) -> Marks:
        pushed = self._marks.carry(flow, False, source)
        return self._once(_together if _lengths(pushed) == _lengths(source) else _apart, pushed)

    def _once(self, make: Callable[..., Marks], *marks: Marks) -> Marks:
        # An id() is reused once its object is gone, so the objects are stored beside the result.
        key = (make, *map(id, marks))
        if key not in self._known:
            self._known[key] = (marks, make(*marks))
        return self._known[key][1]


def _lengths(marks: Marks) -> list[int]:
    """Of the axes along which elements carry other tokens."""
    return [n for n in marks.shape[:-1] if n > 1]


def _apart(pushed: Marks) -> Marks:
    """A pool makes fewer positions of many; one that a model keeps out of it carries what it did."""
    mixed = pushed.sum(-1, keepdims=True) > 1
    return _mixing(pushed, mixed) if mixed.any() else pushed


def _together(pushed: Marks) -> Marks:
    """Where as many come out as went in, and some are mixtures, all are: position 0 of a causal one as the others."""
    count = pushed.sum(-1, keepdims=True)
    return _mixing(pushed, count > 0) if (count > 1).any() else pushed


def _joined(*parts: Marks) -> Marks:
    """A sum of operands: a token beside a mixture stays (a residual addition), beside another it does not."""
    union = np.logical_or.reduce(np.broadcast_arrays(*parts))
    count = union[..., :-1].sum(-1, keepdims=True)
    mixed = (count > 1) | (union[..., -1:] & (count == 0))
    return np.concatenate([union[..., :-1] & ~mixed, mixed], axis=-1)


def _mixing(marks: Marks, mixed: Marks) -> Marks:
    return np.concatenate([marks[..., :-1] & ~mixed, marks[..., -1:] | mixed], axis=-1)
