"""Picked: some positions of some rows of a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def picked(inputs: Mapping[str, Any], ids: str, where: Mapping[int, Sequence[int]]) -> dict[str, Any]:
    """The batch of these positions of these rows, `where` by row. What has a value for each token goes with the tokens.

    `inputs`: nested lists by name, of which `ids` names the one that holds tokens, (rows, length).
    """
    rows, length = len(inputs[ids]), len(inputs[ids][0])

    def of(value: Any) -> Any:
        if not isinstance(value, list) or len(value) != rows:
            return value
        by_token = all(isinstance(row, list) and len(row) == length for row in value)
        return [[value[n][p] for p in places] if by_token else value[n] for n, places in where.items()]

    return {name: of(value) for name, value in inputs.items()}
