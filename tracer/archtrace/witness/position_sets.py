"""Sets of positions: union, difference, and whether one lies in another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from archtrace.answer.positions import Positions, Rows, union

__all__ = ["TokenPlaces", "any_position", "beyond", "difference", "inside", "join", "nothing", "places", "union"]

#: Rows and positions of tokens.
TokenPlaces: TypeAlias = Sequence[tuple[int, int]]


def nothing(like: Positions) -> Positions:
    """No position of the same tensors and rows."""
    return Positions(_each(_none, like.reads), _none(like.tokens), _each(_none, like.others))


def join(left: Positions, right: Positions) -> Positions:
    """The union of two sets of positions."""
    return _both(union, left, right)


def beyond(some: Positions, others: Positions) -> Positions:
    """The positions of `some` that are not among `others`."""
    return _both(difference, some, others)


def inside(witness: Positions, bound: Positions) -> bool:
    """True when every witnessed position is in the bound: the law of no false negatives."""
    return not any_position(beyond(witness, bound))


def any_position(found: Positions) -> str:
    """The positions in words, tensor by tensor and row by row; empty where there is none."""
    parts = [("tokens", found.tokens), *found.reads.items(), *found.others.items()]
    return "; ".join(f"{name}[{r}, {list(row)}]" for name, rows in parts for r, row in enumerate(rows) if row)


def difference(left: Rows, right: Rows) -> Rows:
    """What is on the left alone, row by row."""
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


def _each(apply: Callable[[Rows], Rows], parts: Mapping[str, Rows]) -> dict[str, Rows]:
    return {name: apply(rows) for name, rows in parts.items()}


def _none(rows: Rows) -> Rows:
    return tuple(() for _ in rows)
