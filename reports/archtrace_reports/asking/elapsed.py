"""Elapsed: seconds by the clock since the command was started; the command line imports this before anything else."""

from __future__ import annotations

import time
from collections.abc import Callable

STARTED = time.perf_counter()


def elapsed() -> float:
    """Seconds since the start."""
    return time.perf_counter() - STARTED


def laps() -> Callable[[], float]:
    """Call it where something ends: the seconds since it was last called, at first since the start of the program, so
    that all of them together are the whole time."""
    ends = [0.0]

    def lap() -> float:
        ends.append(elapsed())
        return ends[-1] - ends[-2]

    return lap
