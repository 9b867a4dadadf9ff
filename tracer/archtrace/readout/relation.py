"""Name the relation between the positions of an output and those that reach them, from the layouts that were tried."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch

from archtrace.answer.positions import Rows
from archtrace.answer.relations import RELATIONS, Relation
from archtrace.capture.inputs.layouts import Vocabulary, attended_by
from archtrace.readout.analysis import Analysis


@dataclass(frozen=True)
class RelationCase:
    """For each position of an output, row by row, the positions that reach it in one layout.

    `length`: of the tensor; `unpadded`: which tokens are no padding, by each way in which a model may find out.
    """

    each: tuple[Rows, ...]
    length: int
    unpadded: Mapping[str, torch.Tensor]


def relations(analyses: Sequence[Analysis], vocabulary: Vocabulary) -> tuple[Relation, ...]:
    """The relation of each read tensor and of the tokens, where one has a name; none for an output without positions.

    `analyses` are of one model in several lengths. An output with more or fewer positions than what it reads has none.
    """
    names = dict.fromkeys(
        name for analysis in analyses for own in analysis.positioned.values() for name in own.each[0].reads
    )
    all_relations = (relation(of, list(_cases(of, analyses, vocabulary))) for of in (*names, "tokens"))
    return tuple(each for each in all_relations if each is not None)


def _cases(of: str, analyses: Sequence[Analysis], vocabulary: Vocabulary) -> Iterator[RelationCase]:
    for analysis in analyses:
        for layout, own in analysis.positioned.items():
            each = tuple(some.tokens if of == "tokens" else some.reads.get(of, ()) for some in own.each)
            place = analysis.reads(layout).get(of)
            length = own.bound.run.shape(place[0])[place[1]] if place else analysis.length
            yield RelationCase(each, length, attended_by(analysis.layouts[layout], vocabulary))


def relation(of: str, cases: Sequence[RelationCase]) -> Relation | None:
    """The first relation of the table that explains every case; None where none does."""
    if not cases or any(len(case.each) != case.length for case in cases):
        return None
    away = (abs(i - j) for case in cases for i, rows in enumerate(case.each) for row in rows for j in row)
    reach = max(away, default=0)
    ways: list[str | None] = [None, *cases[0].unpadded]
    return next(
        (
            Relation(of, name, way is not None, reach if "{reach}" in rule.meaning else 0)
            for name, rule in RELATIONS.items()
            for way in ways
            if all(_explains(name, reach, way, case) for case in cases)
        ),
        None,
    )


def _explains(name: str, reach: int, way: str | None, case: RelationCase) -> bool:
    """Whether a relation says of each position and row which positions reach it, by a way to tell padding."""
    holds = RELATIONS[name].holds
    if way is not None and (way not in case.unpadded or case.unpadded[way].shape[1] != case.length):
        return False
    for i, rows in enumerate(case.each):
        related = {j for j in range(case.length) if holds(i, j, reach)}
        for row, positions in enumerate(rows):
            expected = related if way is None else {j for j in related if case.unpadded[way][row, j]} | {i}
            if set(positions) != expected:
                return False
    return True
