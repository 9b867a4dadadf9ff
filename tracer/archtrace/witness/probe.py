"""The probe: everything outside the bound is changed at once, and no row of the logits may move.

What stands outside is told by the demand on each node: an element without the mark of row r does not reach row r. So
for each row, all unmarked elements of the tokens' features and of the read tensors change together, and tokens outside
the bound become other ordinary ids. Where a row moves nevertheless the analysis is wrong; halving finds the positions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias, TypeVar

import numpy as np

from archtrace.answer.positions import Positions, Rows
from archtrace.reach.bound import batch_axis, rows_of
from archtrace.reach.marks import Marks
from archtrace.reach.values import Unknown
from archtrace.witness.changes import LARGE, Bench, Change
from archtrace.witness.ids import moved_on, other_ids, put_ids, runs
from archtrace.witness.position_sets import TokenPlaces, nothing, union
from archtrace.witness.subject import Subject

_Item = TypeVar("_Item")
#: A position of a node: the node, its batch axis and index, its axis of positions and index.
Cell: TypeAlias = tuple[int, int, int, int, int]


def outside(
    subject: Subject, bench: Bench, bound: Positions, special: frozenset[int], rows: Sequence[slice]
) -> Positions:
    """The positions outside the bound that reach the logits nevertheless: none, or the analysis is wrong.

    `rows`: the rows of the logits that are looked at together; what is changed reaches none of them.
    """
    missed = nothing(bound)
    reads, marks = dict(missed.reads), dict[int, Marks]()
    for some in rows:
        free = {node: mask for node in _nodes(subject) if (mask := _unmarked(subject, node, some)).any()}
        for change in LARGE:
            for cell in _moving(free, bench, some, change, subject):
                node = cell[0]
                marks[node] = marks.get(node, np.zeros(subject.bound.run.shape(node), dtype=np.bool_)) | _at(
                    cell, free[node]
                )
    for name, (node, axis) in subject.reads.items():
        if node in marks:
            reads[name] = union(reads[name], rows_of(marks[node][..., None], subject.bound.run.shape(node), axis))
    tokens = union(missed.tokens, subject.tokens({n: marks[n][..., None] for n in subject.features if n in marks}))
    return Positions(reads, tokens)


def _nodes(subject: Subject) -> list[int]:
    """What is changed: the features of the tokens and the read tensors, where they are numbers that may change."""
    run = subject.bound.run
    nodes = dict.fromkeys([*subject.features, *(node for node, _ in subject.reads.values())])
    return [n for n in nodes if isinstance(run.values[n], Unknown) and run.floating(n)]


def _unmarked(subject: Subject, node: int, rows: slice) -> Marks:
    """The elements that reach none of these rows of the logits; without those that are certain, and so never change."""
    marks = subject.bound.marks(node)
    unmarked = True if marks is None else ~_of_rows(marks, rows)
    return np.asarray(unmarked & subject.changeable(node))


def _of_rows(marks: Marks, rows: slice) -> Marks:
    return np.asarray((marks[..., rows] if marks.shape[-1] > 1 else marks).any(-1))


def _moving(free: Mapping[int, Marks], bench: Bench, rows: slice, change: Change, subject: Subject) -> list[Cell]:
    """The positions whose change moves one of the rows; none where all together leave them as they are."""
    if not free or not bench.moved(free, change, rows=rows).any():
        return []

    def moves(cells: Sequence[Cell]) -> bool:
        masks: dict[int, Marks] = {}
        for cell in cells:
            masks[cell[0]] = _at(cell, free[cell[0]]) | masks.get(cell[0], np.array(False))
        return bool(bench.moved(masks, change, rows=rows).any())

    return list(halved([c for node in free for c in _cells(subject, node, free[node])], moves))


def _cells(subject: Subject, node: int, mask: Marks) -> Iterator[Cell]:
    axis = next((axis for n, axis in subject.reads.values() if n == node), min(1, mask.ndim - 1))
    batch = batch_axis(axis) if mask.ndim > 1 else 0
    for row in range(mask.shape[batch]):
        for position in range(mask.shape[axis]):
            cell = (node, batch, row, axis, position)
            if _at(cell, mask).any():
                yield cell


def _at(cell: Cell, mask: Marks) -> Marks:
    """A mask at one position alone."""
    _, batch, row, axis, position = cell
    index: list[int | slice] = [slice(None)] * mask.ndim
    index[batch], index[axis] = row, position
    only = np.zeros(mask.shape, dtype=np.bool_)
    only[tuple(index)] = mask[tuple(index)]
    return only


def halved(items: Sequence[_Item], moves: Callable[[Sequence[_Item]], bool]) -> Iterator[_Item]:
    """The items that move something, of some that do so together. What moves only together is taken as a whole."""
    if len(items) < 2:
        yield from items
        return
    middle = len(items) // 2
    parts = [part for part in (items[:middle], items[middle:]) if moves(part)]
    for part in parts:
        yield from halved(part, moves)
    if not parts:
        yield from items


def moving_singly(places: TokenPlaces, moves: Callable[[TokenPlaces], bool]) -> Iterator[tuple[int, int]]:
    """The places that move something each by itself; nothing is tried singly where all together move nothing."""
    if places and moves(places):
        yield from (place for place in halved(places, moves) if moves([place]))


def ids_outside(
    subject: Subject, bench: Bench, tokens: Rows, special: frozenset[int], rows: slice | None = None
) -> Rows:
    """Tokens outside the bound that move the logits, or some rows of them, as other ordinary ids."""
    ordinary = other_ids(subject, special)
    ids = subject.layout[subject.name].flatten(0, -2)
    free = [
        (r, p)
        for r, row in enumerate(tokens)
        for p in range(ids.shape[1])
        if p not in row and set(ids[r, p].flatten().tolist()) <= set(ordinary)
    ]

    def moves(chosen: TokenPlaces) -> bool:
        changed = put_ids(subject, chosen, moved_on(ordinary, 1))
        return runs(subject, changed) and bool(bench.put(subject.ids, changed, rows=rows).any())

    found = list(halved(free, moves)) if free and len(ordinary) > 1 and moves(free) else []
    return tuple(tuple(p for r, p in found if r == row) for row in range(len(tokens)))
