"""Picked: some positions of some rows of a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

#: A value of an input: a number, or nested lists of them.
Nested: TypeAlias = "int | float | list[Nested]"


def picked(inputs: Mapping[str, Nested], ids: str, where: Mapping[int, Sequence[int]]) -> dict[str, Nested]:
    """The batch of these positions of these rows, `where` by row. What has a value for each token goes with the tokens.

    `inputs`: nested lists by name, of which `ids` names the one that holds tokens, (rows, length).
    """
    tokens = _rows(inputs[ids])
    length = len(_rows(tokens[0]))

    def of(value: Nested) -> Nested:
        if not isinstance(value, list) or len(value) != len(tokens):
            return value
        by_token = all(isinstance(row, list) and len(row) == length for row in value)
        return [[_rows(value[n])[p] for p in places] if by_token else value[n] for n, places in where.items()]

    return {name: of(value) for name, value in inputs.items()}


def _rows(value: Nested) -> list[Nested]:
    return value if isinstance(value, list) else [value]
