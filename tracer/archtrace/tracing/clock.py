"""The clock: how many seconds each stage of a trace took, and which one runs now."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: Called with the stage that begins and, where it is known, how much of the work is done.
Progress = Callable[[str, float | None], None]


class Clock:
    """Measures the stages of a trace, and reports each to `progress` as it begins."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self.seconds: dict[str, float] = {"import": 0.0, "capture": 0.0, "analysis": 0.0, "witness": 0.0}

    @contextmanager
    def stage(self, name: str, key: str) -> Iterator[None]:
        """Time a stage under a key of `seconds`."""
        if self._progress is not None:
            self._progress(name, None)
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[key] = self.seconds.get(key, 0.0) + time.perf_counter() - start
