"""The witness of a bound: which of the positions that may reach the logits are seen to."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from archtrace.answer.positions import Positions, Rows
from archtrace.capture.program import Node, Program
from archtrace.reach.bound import Bound, rows_of
from archtrace.reach.interpreter import Interpreter, changing
from archtrace.reach.values import Unknown
from archtrace.witness import numeric
from archtrace.witness.numeric import DRAWS, Draw


@dataclass(frozen=True, eq=False)
class Subject:
    """What is watched in one layout: the bound, the read tensors (node and axis by name), and the ids' node."""

    found: Bound
    reads: Mapping[str, tuple[int, int]]
    ids: int
    layout: Mapping[str, torch.Tensor]

    @property
    def program(self) -> Program:
        """The program that runs."""
        return self.found.program

    def entries(self) -> tuple[int, ...]:
        """Nodes at which ids become features, on the way to the logits; the input itself where it is features."""
        values = self.found.run.values
        if not _by_tokens(values[self.ids]):
            return (self.ids,)
        return tuple(
            node.index
            for node in self.program.nodes
            if self.found.demand[node.index] is not None
            and isinstance(values[node.index], Unknown)
            and not _by_tokens(values[node.index])
            and any(_by_tokens(values[ref]) for ref in self._sources(node))
        )

    def _sources(self, node: Node) -> tuple[int, ...]:
        """What a node takes; of one of several results, what made them all."""
        return self.program.nodes[node.refs[0]].refs if node.target is operator.getitem else node.refs


def _by_tokens(value: Any) -> bool:
    """True for ids, and for what is computed from them alone."""
    return isinstance(value, Unknown) and value.real is not None


class Witness:
    """Runs one program with a few draws of its parameters, kept for all layouts."""

    def __init__(self, interpreter: Interpreter, program: Program) -> None:
        self._interpreter = interpreter
        self._program = program
        self._drawn: dict[Draw, numeric.Values] = {}

    def see(self, subject: Subject, bound: Positions) -> Positions:
        """The positions that some draw shows to reach the logits. Stops as soon as they meet the bound."""
        seen = Positions({name: _none(rows) for name, rows in bound.reads.items()}, _none(bound.tokens))
        for seed, gain in DRAWS:
            seen = join(seen, self._by_gradient(subject, Draw(seed, gain)))
            if seen == bound:
                return seen
        return self._by_change(subject, bound, seen)

    def _parameters(self, draw: Draw) -> numeric.Values:
        if draw not in self._drawn:
            self._drawn[draw] = numeric.parameters(self._program, draw)
        return self._drawn[draw]

    def _by_gradient(self, subject: Subject, draw: Draw) -> Positions:
        """Tokens with every way to the logits; of several read tensors each for what is read of it directly."""
        entries = subject.entries()
        nodes = [node for node, _ in subject.reads.values()]
        together = len(nodes) < 2
        marks = self._gradients(subject, draw, [*entries, *nodes] if together else entries, apart=False)
        direct = marks if together else self._gradients(subject, draw, nodes, apart=True)
        return Positions(
            {
                n: rows_of(direct[node], subject.found.run.shape(node), axis)
                for n, (node, axis) in subject.reads.items()
            },
            self._tokens(subject, {e: marks[e] for e in entries}),
        )

    def _gradients(self, subject: Subject, draw: Draw, watch: Sequence[int], *, apart: bool) -> dict[int, Any]:
        shown = numeric.gradients(self._program, self._parameters(draw), subject.layout, watch, draw.seed, apart=apart)
        return {node: changing(marks, subject.found.run.values[node]) for node, marks in shown.items()}

    def _tokens(self, subject: Subject, marks: Mapping[int, Any]) -> Rows:
        """Marks on the features brought back to the ids that they were looked up by."""
        demand = self._interpreter.demand(subject.found.run, marks)
        return subject_rows(demand[subject.ids], subject)

    def _by_change(self, subject: Subject, bound: Positions, seen: Positions) -> Positions:
        """Finite changes for the positions that no gradient showed."""
        given = self._parameters(Draw(*DRAWS[0]))
        reads = dict(seen.reads)
        held = [node for node, _ in subject.reads.values()]
        for name, (node, axis) in subject.reads.items():
            for place in _missing(bound.reads[name], reads[name]):
                if numeric.changed_rows(self._program, given, subject.layout, node, place, axis, held).any():
                    reads[name] = _with(reads[name], place)
        tokens = seen.tokens
        for place in _missing(bound.tokens, tokens):
            if any(self._entry_changes(subject, given, entry, place) for entry in subject.entries()):
                tokens = _with(tokens, place)
        return Positions(reads, tokens)

    def _entry_changes(self, subject: Subject, given: numeric.Values, entry: int, place: tuple[int, int]) -> bool:
        """Change the features of one token. Only where the table of features has the ids' own layout of positions."""
        shape, ids = subject.found.run.shape(entry), subject.found.run.shape(subject.ids)
        if shape[:2] != ids[:2]:
            return False
        return bool(numeric.changed_rows(self._program, given, subject.layout, entry, place, 1).any())


def subject_rows(marks: Any, subject: Subject) -> Rows:
    """The marked positions of the ids."""
    return rows_of(marks, subject.found.run.shape(subject.ids))


def join(left: Positions, right: Positions) -> Positions:
    """The union of two sets of positions."""
    return Positions(
        {name: _join(rows, right.reads[name]) for name, rows in left.reads.items()}, _join(left.tokens, right.tokens)
    )


def inside(witness: Positions, bound: Positions) -> bool:
    """True when every witnessed position is in the bound: the law of no false negatives."""
    pairs = [(witness.tokens, bound.tokens), *((witness.reads[n], bound.reads[n]) for n in witness.reads)]
    return all(set(w) <= set(b) for seen, may in pairs for w, b in zip(seen, may, strict=True))


def _none(rows: Rows) -> Rows:
    return tuple(() for _ in rows)


def _join(left: Rows, right: Rows) -> Rows:
    return tuple(tuple(sorted({*a, *b})) for a, b in zip(left, right, strict=True))


def _missing(bound: Rows, seen: Rows) -> Sequence[tuple[int, int]]:
    return [(r, p) for r, (may, did) in enumerate(zip(bound, seen, strict=True)) for p in may if p not in did]


def _with(rows: Rows, place: tuple[int, int]) -> Rows:
    row, position = place
    return tuple(tuple(sorted({*ps, position})) if r == row else ps for r, ps in enumerate(rows))
