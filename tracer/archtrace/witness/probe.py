"""The probe: everything outside the bound is changed at once, and no row of the logits may move.

An element of a node without the mark of row r is outside: the bound says that it does not reach row r. So for each row,
all unmarked elements of the tokens' features and of the read tensors change together, and tokens outside the bound
become other ordinary ids. Where a row moves nevertheless the analysis is wrong; bisection finds the positions.
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
from archtrace.witness.ids import keeps_program, ordinary_ids, put_ids, shift_ids
from archtrace.witness.position_sets import TokenPlaces, nothing, union
from archtrace.witness.subject import Subject

_Item = TypeVar("_Item")
#: A position of a node: the node, its batch axis and index, its axis of positions and index.
Cell: TypeAlias = tuple[int, int, int, int, int]


def outside(
    subject: Subject, bench: Bench, bound: Positions, special: frozenset[int], rows: Sequence[slice]
) -> Positions:
    """The positions outside the bound that reach the logits nevertheless: none, or the analysis is wrong.

    `rows`: groups of rows of the logits. For each group, the elements that reach none of its rows are changed.
    """
    missed = nothing(bound)
    reads, marks = dict(missed.reads), dict[int, Marks]()
    for group in rows:
        unmarked = {node: mask for node in _nodes(subject) if (mask := _unmarked(subject, node, group)).any()}
        for change in LARGE:
            for cell in _moving(unmarked, bench, group, change, subject):
                node = cell[0]
                before = marks.get(node, np.zeros(subject.bound.run.shape(node), dtype=np.bool_))
                marks[node] = before | _at(cell, unmarked[node])
    for name, (node, axis) in subject.reads.items():
        if node in marks:
            reads[name] = union(reads[name], rows_of(marks[node][..., None], subject.bound.run.shape(node), axis))
    tokens = union(missed.tokens, subject.tokens({n: marks[n][..., None] for n in subject.features if n in marks}))
    return Positions(reads, tokens)


def _nodes(subject: Subject) -> list[int]:
    """The nodes that are changed: features of the tokens and read tensors, where they are floats that may change."""
    run = subject.bound.run
    nodes = dict.fromkeys([*subject.features, *(node for node, _ in subject.reads.values())])
    return [n for n in nodes if isinstance(run.values[n], Unknown) and run.floating(n)]


def _unmarked(subject: Subject, node: int, rows: slice) -> Marks:
    """The elements that reach none of these rows of the logits, without those whose value is fixed by the layout."""
    marks = subject.bound.marks(node)
    unmarked = True if marks is None else ~_of_rows(marks, rows)
    return np.asarray(unmarked & subject.changeable(node))


def _of_rows(marks: Marks, rows: slice) -> Marks:
    return np.asarray((marks[..., rows] if marks.shape[-1] > 1 else marks).any(-1))


def _moving(unmarked: Mapping[int, Marks], bench: Bench, rows: slice, change: Change, subject: Subject) -> list[Cell]:
    """The positions whose change moves one of the rows; none where all together leave them as they are."""
    if not unmarked or not bench.rows_moved(unmarked, change, rows=rows).any():
        return []

    def moves(cells: Sequence[Cell]) -> bool:
        masks: dict[int, Marks] = {}
        for cell in cells:
            masks[cell[0]] = _at(cell, unmarked[cell[0]]) | masks.get(cell[0], np.array(False))
        return bool(bench.rows_moved(masks, change, rows=rows).any())

    return list(bisect_moving([c for node in unmarked for c in _cells(subject, node, unmarked[node])], moves))


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


def bisect_moving(items: Sequence[_Item], moves: Callable[[Sequence[_Item]], bool]) -> Iterator[_Item]:
    """Of items that move something together, those that also do so apart; all of them where none does."""
    if len(items) < 2:
        yield from items
        return
    middle = len(items) // 2
    parts = [part for part in (items[:middle], items[middle:]) if moves(part)]
    for part in parts:
        yield from bisect_moving(part, moves)
    if not parts:
        yield from items


def moving_singly(places: TokenPlaces, moves: Callable[[TokenPlaces], bool]) -> Iterator[tuple[int, int]]:
    """The places that move something by themselves; none are tried one by one where all together move nothing."""
    if places and moves(places):
        yield from (place for place in bisect_moving(places, moves) if moves([place]))


def ids_outside(
    subject: Subject, bench: Bench, tokens: Rows, special: frozenset[int], rows: slice | None = None
) -> Rows:
    """Tokens outside the bound in whose place other ordinary ids move the logits, or some rows of them."""
    ordinary = ordinary_ids(subject, special)
    ids = subject.layout[subject.name].flatten(0, -2)
    outside_bound = [
        (r, p)
        for r, row in enumerate(tokens)
        for p in range(ids.shape[1])
        if p not in row and set(ids[r, p].flatten().tolist()) <= set(ordinary)
    ]

    def moves(chosen: TokenPlaces) -> bool:
        other = put_ids(subject, chosen, shift_ids(ordinary, 1))
        return keeps_program(subject, other) and bool(bench.rows_moved_by_value(subject.ids, other, rows=rows).any())

    is_moving = outside_bound and len(ordinary) > 1 and moves(outside_bound)
    moving = list(bisect_moving(outside_bound, moves)) if is_moving else []
    return tuple(tuple(p for r, p in moving if r == row) for row in range(len(tokens)))
