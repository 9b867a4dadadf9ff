"""Dead work: elements that are computed and reach no output."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from archtrace.reach.interpreter import Interpreter, Run
from archtrace.reach.marks import Marks
from archtrace.reach.values import Unknown, is_open


def unused(interpreter: Interpreter, run: Run) -> Iterator[tuple[int, Marks]]:
    """The nodes with elements that reach none of the forward's outputs, with a flag for each element, broadcast.

    Of a node with several results only whether none of them reaches any: one flag.
    """
    wanted = {index: np.ones((1,) * (len(run.shape(index)) + 1), dtype=bool) for index in _outputs(run)}
    for index, marks in enumerate(interpreter.demand(run, wanted, whole=True)):
        dead = _dead(run.values[index], marks)
        if dead is not None and dead.any():
            yield index, dead


def _outputs(run: Run) -> set[int]:
    """All outputs that parameters have a part in."""
    named = {run.program.output, *run.program.returned.values()}
    return {index for index in named if _computed(run.values[index])}


def _computed(value: Any) -> bool:
    return isinstance(value, Unknown) and value.real is None


def _dead(value: Any, marks: Any) -> Marks | None:
    """Elements without a mark. A certain one is what it is: its value counts though it cannot change."""
    if isinstance(value, list | tuple):
        alive = not any(map(_computed, value)) or any(m is not None and m.any() for m in marks or ())
        return np.array(not alive)
    if not _computed(value):
        return None
    reached = np.zeros((1,) * len(value.shape), dtype=bool) if marks is None else marks.any(-1)
    return ~reached & is_open(value.certain)
