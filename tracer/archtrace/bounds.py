"""Bounds: what may reach the logits in one layout, by the analysis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from archtrace.interpret import Interpreter, Run
from archtrace.marks import Marks
from archtrace.program import Program
from archtrace.results import Positions, Rows
from archtrace.values import Unknown


@dataclass(frozen=True, eq=False)
class Bound:
    """A program's values and the demand on every node, in one layout."""

    run: Run
    demand: tuple[Any, ...]

    @property
    def program(self) -> Program:
        """The program that ran."""
        return self.run.program

    def rows(self, index: int, axis: int = 1) -> Rows:
        """For each row of a node's value the sorted positions that may reach the logits."""
        return rows_of(self.demand[index], self.run.shape(index), axis)

    def mixes_rows(self) -> bool:
        """True when the logits of one row may depend on the tokens of another."""
        ids = [i for i in self.program.inputs.values() if self.demand[i] is not None]
        return any(_crosses(self.demand[i], self.run.shape(i)) for i in ids)

    def reached(self, index: int) -> bool:
        """True when any element of a node may reach the logits."""
        marks = self.demand[index]
        parts = marks if isinstance(marks, list) else [marks]
        return any(part is not None and part.any() for part in parts)


def bound(interpreter: Interpreter, program: Program, layout: Mapping[str, torch.Tensor]) -> Bound:
    """Both forward and backward pass. Raises LayoutError where the model refuses the layout."""
    run = interpreter.values(program, layout)
    return Bound(run, tuple(interpreter.demand(run)))


def rows_of(marks: Marks | None, shape: tuple[int, ...], axis: int = 1) -> Rows:
    """The marked positions along `axis` for each index of the batch axis (the other of the first two)."""
    batch = 1 - axis
    count, length = shape[batch], shape[axis]
    if marks is None:
        return ((),) * count
    table = marks.any(axis=tuple(range(2, marks.ndim)))
    table = np.broadcast_to(table if axis == 1 else table.T, (count, length))
    return tuple(tuple(int(p) for p in np.flatnonzero(row)) for row in table)


def _crosses(marks: Marks, shape: tuple[int, ...]) -> bool:
    rows = marks.any(axis=tuple(range(1, marks.ndim - 1)))
    rows = np.broadcast_to(rows, (shape[0], marks.shape[-1]))
    return bool(rows[~np.eye(*rows.shape, dtype=bool)].any())


def token_axis(shape: tuple[int, ...], rows: int, length: int) -> int | None:
    """The axis of positions in a hidden state: 1, or 0 where the batch comes second; None where there is none."""
    if len(shape) < 2:
        return None
    if shape[0] == rows:
        return 1
    return 0 if shape[1] == rows and shape[0] == length else None


def positions(found: Bound, reads: Mapping[str, tuple[int, int]], ids: int) -> Positions:
    """The bound on the read tensors (node and token axis, by name) and on the tokens."""
    return Positions({name: found.rows(*place) for name, place in reads.items()}, found.rows(ids))


def is_unknown(value: Any) -> bool:
    """True for a value that depends on parameters or tokens."""
    return isinstance(value, Unknown)
