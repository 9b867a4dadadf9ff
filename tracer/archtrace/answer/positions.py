"""Positions: which of a tensor's and of the tokens reach the logits, row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TypeAlias

#: For each row of a batch the sorted positions.
Rows: TypeAlias = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Positions:
    """Positions that reach the logits: of each read tensor, and of the input tokens.

    `others`: of the tokens of further texts, by the name of the input that holds them.
    """

    reads: Mapping[str, Rows]
    tokens: Rows
    others: Mapping[str, Rows] = field(default_factory=dict)


def runs(positions: Sequence[int]) -> list[tuple[int, int]]:
    """Sorted positions as runs of neighbours, each by its first and its last one."""
    groups = groupby(enumerate(positions), lambda pair: pair[1] - pair[0])
    neighbours = ([position for _, position in group] for _, group in groups)
    return [(run[0], run[-1]) for run in neighbours]


def union(left: Rows, right: Rows) -> Rows:
    """The union, row by row."""
    return tuple(tuple(sorted({*a, *b})) for a, b in zip(left, right, strict=True))
