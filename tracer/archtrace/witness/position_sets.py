"""Sets of positions: union, difference, and whether one lies in another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from archtrace.answer.positions import Positions, Rows, union

__all__ = [
    "TokenPlaces",
    "beyond",
    "describe_positions",
    "difference",
    "inside",
    "is_empty",
    "join",
    "nothing",
    "places",
    "union",
]

#: Rows and positions of tokens.
TokenPlaces: TypeAlias = Sequence[tuple[int, int]]


def nothing(like: Positions) -> Positions:
    """An empty set for the same tensors and rows."""
    return Positions(_map_rows(_none, like.reads), _none(like.tokens), _map_rows(_none, like.others))


def join(left: Positions, right: Positions) -> Positions:
    """The union of two sets of positions."""
    return _both(union, left, right)


def beyond(some: Positions, others: Positions) -> Positions:
    """The positions of `some` that are not among `others`."""
    return _both(difference, some, others)


def inside(witness: Positions, bound: Positions) -> bool:
    """True when every witnessed position is in the bound: the law of no false negatives."""
    return is_empty(beyond(witness, bound))


def is_empty(positions: Positions) -> bool:
    """Whether no tensor and no text has a position in the set."""
    return not describe_positions(positions)


def describe_positions(positions: Positions) -> str:
    """The positions in words, tensor by tensor and row by row; empty where there is none."""
    parts = [("tokens", positions.tokens), *positions.reads.items(), *positions.others.items()]
    return "; ".join(f"{name}[{r}, {list(row)}]" for name, rows in parts for r, row in enumerate(rows) if row)


def difference(left: Rows, right: Rows) -> Rows:
    """The positions that are only on the left, row by row."""
    return tuple(tuple(p for p in a if p not in set(b)) for a, b in zip(left, right, strict=True))


def places(rows: Rows) -> list[tuple[int, int]]:
    """The positions as pairs of row and position."""
    return [(r, p) for r, row in enumerate(rows) for p in row]


def _both(apply: Callable[[Rows, Rows], Rows], left: Positions, right: Positions) -> Positions:
    return Positions(
        {name: apply(rows, right.reads[name]) for name, rows in left.reads.items()},
        apply(left.tokens, right.tokens),
        {name: apply(rows, right.others[name]) for name, rows in left.others.items()},
    )


def _map_rows(function: Callable[[Rows], Rows], parts: Mapping[str, Rows]) -> dict[str, Rows]:
    return {name: function(rows) for name, rows in parts.items()}


def _none(rows: Rows) -> Rows:
    return tuple(() for _ in rows)
