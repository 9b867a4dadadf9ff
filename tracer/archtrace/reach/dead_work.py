"""Dead work: elements that are computed and reach no output."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from archtrace.reach.bound import Bound
from archtrace.reach.marks import Marks
from archtrace.reach.values import Unknown, is_open


def unused(whole: Bound) -> Iterator[tuple[int, Marks]]:
    """The nodes with elements that reach no output, with a flag for each element, broadcast.

    `whole` is the bound of all outputs together. Of a node with several results only whether none of them reaches any:
    one flag.
    """
    for index, marks in enumerate(whole.demand):
        dead = _dead(whole.run.values[index], marks)
        if dead is not None and dead.any():
            yield index, dead


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
