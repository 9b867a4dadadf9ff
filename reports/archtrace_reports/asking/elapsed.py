"""Elapsed time: seconds by the clock since the command was imported, and since the last lap."""

from __future__ import annotations

import time
from collections.abc import Callable

STARTED = time.perf_counter()


def elapsed() -> float:
    """Seconds since the start."""
    return time.perf_counter() - STARTED


def laps() -> Callable[[], float]:
    """A function to call where something ends: the seconds since its last call, at first since the start, so that
    all of them add up to the whole time."""
    ends = [0.0]

    def lap() -> float:
        ends.append(elapsed())
        return ends[-1] - ends[-2]

    return lap
