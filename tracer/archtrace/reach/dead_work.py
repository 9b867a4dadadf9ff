"""Dead work: elements that are computed and reach no output."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeGuard

import numpy as np

from archtrace.reach.bound import Bound
from archtrace.reach.marks import Marks, NodeMarks
from archtrace.reach.values import Unknown, Value, is_open


def unused_elements(whole: Bound) -> Iterator[tuple[int, Marks]]:
    """The nodes with elements that reach no output, with a flag for each element, broadcast.

    `whole` is the bound of all outputs together. Of a node with several results only whether none of them reaches any:
    one flag.
    """
    for index, marks in enumerate(whole.demand):
        dead = _dead_elements(whole.run.values[index], marks)
        if dead is not None and dead.any():
            yield index, dead


def _is_computed(value: Value) -> TypeGuard[Unknown]:
    return isinstance(value, Unknown) and value.real is None


def _dead_elements(value: Value, marks: NodeMarks) -> Marks | None:
    """Elements without a mark. A certain one is what it is: its value counts though it cannot change."""
    if isinstance(value, list | tuple):
        reached = isinstance(marks, list) and any(part is not None and part.any() for part in marks)
        return np.array(any(map(_is_computed, value)) and not reached)
    if not _is_computed(value):
        return None
    unmarked = True if marks is None or isinstance(marks, list) else ~np.asarray(marks.any(-1))
    return np.asarray(unmarked & is_open(value.certain))
