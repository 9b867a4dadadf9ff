"""The witness of a bound: which of the positions that may reach the logits are seen to."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from archtrace.answer.positions import Positions, Rows
from archtrace.capture.program import Program
from archtrace.reach.bound import batch_axis, rows_of
from archtrace.reach.interpreter import changing
from archtrace.witness import numeric
from archtrace.witness.changes import CHANGES, Bench
from archtrace.witness.numeric import DRAWS, Draw
from archtrace.witness.probe import other_ids, outside, with_ids
from archtrace.witness.rows import beyond, inside, join, nothing, places, union
from archtrace.witness.subject import Subject

#: Positions that are changed one by one, at most: a bound that shows itself nowhere costs no more.
TRIED = 64

__all__ = ["Subject", "Witness", "inside", "join"]


class Witness:
    """Runs one program with a few draws of its parameters, kept for all layouts."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._drawn: dict[Draw, numeric.Values] = {}

    def see(self, subject: Subject, bound: Positions, special: frozenset[int]) -> Positions:
        """The positions that some draw shows to reach the logits. Stops as soon as they hold the bound."""
        seen = nothing(bound)
        for seed, gain in DRAWS:
            seen = join(seen, self._by_gradient(subject, Draw(seed, gain)))
            if inside(bound, seen):
                return seen
        return self._by_change(subject, bound, seen, special)

    def outside(self, subject: Subject, bound: Positions, special: frozenset[int]) -> Positions:
        """The positions that reach the logits though the bound leaves them out."""
        return outside(subject, self._bench(subject, Draw(*DRAWS[0])), bound, special)

    def _parameters(self, draw: Draw) -> numeric.Values:
        if draw not in self._drawn:
            self._drawn[draw] = numeric.parameters(self._program, draw)
        return self._drawn[draw]

    def _bench(self, subject: Subject, draw: Draw) -> Bench:
        return Bench(self._program, self._parameters(draw), subject.layout)

    # -- gradients -----------------------------------------------------------------------------------------------

    def _by_gradient(self, subject: Subject, draw: Draw) -> Positions:
        """Tokens with every way to the logits; of several read tensors each for what is read of it directly."""
        entries = subject.entries()
        nodes = [node for node, _ in subject.reads.values()]
        together = len(nodes) < 2
        marks = self._gradients(subject, draw, [*entries, *nodes] if together else entries, apart=False)
        direct = marks if together else self._gradients(subject, draw, nodes, apart=True)
        # a constant of a read tensor is read; one of the tokens' features is nothing that a token changes
        values = subject.found.run.values
        marks = {e: changing(marks[e], values[e]) for e in entries}
        return Positions(
            {
                n: rows_of(direct[node], subject.found.run.shape(node), axis)
                for n, (node, axis) in subject.reads.items()
            },
            subject.tokens(marks),
        )

    def _gradients(self, subject: Subject, draw: Draw, watch: Sequence[int], *, apart: bool) -> dict[int, Any]:
        return numeric.gradients(self._program, self._parameters(draw), subject.layout, watch, draw.seed, apart=apart)

    # -- finite changes ------------------------------------------------------------------------------------------

    def _by_change(self, subject: Subject, bound: Positions, seen: Positions, special: frozenset[int]) -> Positions:
        """Finite changes for the positions that no gradient showed: of features under every draw, then of ids."""
        for draw in DRAWS:
            bench = self._bench(subject, Draw(*draw))
            seen = self._reads_by_change(subject, bench, bound, seen)
            seen = replace(seen, tokens=self._features_by_change(subject, bench, bound.tokens, seen.tokens))
            seen = replace(seen, tokens=self._ids_by_change(subject, bench, bound.tokens, seen.tokens, special))
            if inside(bound, seen):
                break
        return seen

    def _reads_by_change(self, subject: Subject, bench: Bench, bound: Positions, seen: Positions) -> Positions:
        reads = dict(seen.reads)
        held = [node for node, _ in subject.reads.values()]
        for name, (node, axis) in subject.reads.items():
            missing = _missing(bound.reads[name], reads[name])
            for place in _shown(bench, {node: axis}, missing, subject, held):
                reads[name] = _with(reads[name], place)
        return replace(seen, reads=reads)

    def _features_by_change(self, subject: Subject, bench: Bench, bound: Rows, seen: Rows) -> Rows:
        """Only where a table of features has the ids' own layout of positions."""
        ids = subject.layout[subject.name]
        own = (len(seen), ids.shape[1 if ids.is_floating_point() else -1])
        nodes = {e: 1 for e in subject.entries() if subject.found.run.shape(e)[:2] == own}
        for place in _shown(bench, nodes, _missing(bound, seen), subject, ()):
            seen = _with(seen, place)
        return seen

    def _ids_by_change(self, subject: Subject, bench: Bench, bound: Rows, seen: Rows, special: frozenset[int]) -> Rows:
        """Other ordinary ids: all that shows where ids are counted, compared or hashed and never embedded."""
        ordinary = other_ids(subject, special)
        shifts = sorted({1, len(ordinary) // 2, len(ordinary) - 1} - {0})
        for place in _missing(bound, seen)[:TRIED]:
            changed = (with_ids(subject, [place], ordinary, shift) for shift in shifts if shift < len(ordinary))
            if any(ids is not None and bench.put(subject.ids, ids).any() for ids in changed):
                seen = _with(seen, place)
        return seen


def _shown(
    bench: Bench,
    nodes: Mapping[int, int],
    missing: Sequence[tuple[int, int]],
    subject: Subject,
    held: Collection[int],
) -> Iterator[tuple[int, int]]:
    """The places that some change shows. A change that shows nothing of all places at once is not tried singly."""
    left = list(missing[:TRIED])
    for change in CHANGES:
        if not left or not nodes or not bench.moved(_masks(nodes, left, subject), change, held).any():
            continue
        for place in list(left):
            if bench.moved(_masks(nodes, [place], subject), change, held).any():
                left.remove(place)
                yield place


def _masks(nodes: Mapping[int, int], chosen: Sequence[tuple[int, int]], subject: Subject) -> dict[int, Any]:
    """The elements at some rows and positions of nodes, given with their axes of positions."""
    masks = {}
    for node, axis in nodes.items():
        masks[node] = mask = np.zeros(subject.found.run.shape(node), bool)
        for row, position in chosen:
            index: list[Any] = [slice(None)] * mask.ndim
            index[batch_axis(axis)], index[axis] = row, position
            mask[tuple(index)] = True
    return masks


def _missing(bound: Rows, seen: Rows) -> list[tuple[int, int]]:
    return places(beyond(Positions({}, bound), Positions({}, seen)).tokens)


def _with(rows: Rows, place: tuple[int, int]) -> Rows:
    row, position = place
    return union(rows, tuple((position,) if r == row else () for r in range(len(rows))))
