"""Positions: which of a tensor's and of the tokens reach the logits, row by row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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


def union(left: Rows, right: Rows) -> Rows:
    """The union, row by row."""
    return tuple(tuple(sorted({*a, *b})) for a, b in zip(left, right, strict=True))
