"""Evaluate a slice as it is printed: which positions of a tensor it takes, row by row.

A slice is Python in the names of the tensor and of the inputs, with rows understood: functions work along positions, a
computed index holds for its own row, and flags over rows and positions leave the rows apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from archtrace.answer.positions import Rows
from archtrace.answer.result import Readout

#: What stands before a slice that is taken as a whole.
WORDS = ("attention over ",)
#: Slices that say in words that they are no expression.
UNSAID = ("some of ", "nothing", "each ")


class Taken:
    """The positions of one row of a tensor, of the shape of the tensor without its features."""

    def __init__(self, positions: Tensor) -> None:
        self.positions = positions

    def __getitem__(self, index: Any) -> Taken:
        flags = isinstance(index, Tensor) and index.dtype == torch.bool and index.ndim > 1
        taken = self.positions[index]
        return Taken(taken[None] if flags else taken)

    def mean(self, axis: int, where: Tensor | None = None) -> Taken:
        """All along an axis, or those that a mask admits."""
        assert self.positions.shape[axis] == self.positions.numel()
        return self if where is None else Taken(self.positions.flatten()[where.flatten() != 0])

    amax = mean

    @property
    def rows(self) -> tuple[int, ...]:
        """The positions in order, each once."""
        return tuple(sorted(set(self.positions.flatten().tolist())))


def _last(function: Any) -> Any:
    return lambda value: function(value, dim=-1)


def _either(extreme: Any, both: Any) -> Any:
    def found(value: Tensor, other: Any = None) -> Tensor:
        if other is None:
            return extreme(value, dim=-1)
        return both(*(torch.as_tensor(side) for side in (value, other)))

    return found


FUNCTIONS: Mapping[str, Any] = {
    "argmax": lambda value: value.long().argmax(-1),
    "argmin": lambda value: value.long().argmin(-1),
    "sum": _last(torch.sum),
    "cumsum": _last(torch.cumsum),
    "flip": lambda value: value.flip(-1),
    "any": _last(torch.any),
    "all": _last(torch.all),
    "max": _either(torch.amax, torch.maximum),
    "min": _either(torch.amin, torch.minimum),
    "abs": torch.abs,
    "clamp": torch.clamp,
    "where": torch.where,
    "arange": torch.arange,
}


def positions(
    readout: Readout, axis: int, length: int, inputs: Mapping[str, Tensor], names: Mapping[str, int], rows: int
) -> Rows | None:
    """The positions that a slice takes of each row, of so many; None where it says that it is no expression.

    `axis` and `length`: of the tensor's positions; `names`: the special ids by name, and s, how many tokens there are.
    """
    text = readout.slice
    if text.startswith(UNSAID):
        return None
    for words in WORDS:
        text = text.removeprefix(words)
    assert text.startswith(readout.tensor), text
    code = f"tensor{text.removeprefix(readout.tensor)}"
    shape = (length, 1) if axis == 0 else (*(1,) * axis, length)
    found = []
    for row in range(rows):
        own = {n: v[row : row + 1] if len(v) == rows else v.flatten(0, -2)[row : row + 1] for n, v in inputs.items()}
        here = Taken(torch.arange(length).reshape(shape))
        found.append(eval(code, {**FUNCTIONS, **names, **own, "tensor": here}).rows)
    return tuple(found)
