"""Watch: how far a long run is: a bar on a terminal, elsewhere a plain line each so often."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Self

from archtrace.answer.result import Result
from archtrace_reports.text.notices import say
from archtrace_reports.text.report import Unanswered

#: Seconds between two lines where there is no terminal.
EVERY = 30.0


class RunProgress:
    """Counts the outcomes of `total` questions, and tells of them on stderr while it is open."""

    def __init__(self, total: int, *, terminal: bool, quiet: bool = False, every: float = EVERY) -> None:
        self._total = total
        self._counts = {"exact": 0, "bound": 0, "not answered": 0}
        self._kept = 0
        self._began = time.monotonic()
        self._told = _Nothing() if quiet else _Bar(self) if terminal else _Lines(self, every)

    def advance(self, outcome: Result | Unanswered, *, kept: bool = False) -> None:
        """One more has its outcome; `kept`: from an earlier run."""
        self._counts[outcome.status if isinstance(outcome, Result) else "not answered"] += 1
        self._kept += kept
        self._told.advanced()

    @property
    def done(self) -> int:
        """How many have their outcome."""
        return sum(self._counts.values())

    @property
    def total(self) -> int:
        """How many there are."""
        return self._total

    def line(self) -> str:
        """How many are done, about how long the others take, and how it went: a narrow terminal cuts off the end."""
        counts = ", ".join(f"{number:,} {name}" for name, number in self._counts.items() if number)
        kept = f"; {self._kept:,} kept from before" if self._kept else ""
        return f"{self.done:,} of {self._total:,}{self._left()}{f' ({counts}{kept})' if counts else ''}"

    def _left(self) -> str:
        # What was kept cost nothing, so it says nothing of what the rest will cost.
        asked, left = self.done - self._kept, self._total - self.done
        if not asked or not left:
            return ""
        return f", about {_duration((time.monotonic() - self._began) / asked * left)} left"

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        self._told.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._told.stop()


class _Nothing:
    def start(self) -> None: ...
    def advanced(self) -> None: ...
    def stop(self) -> None: ...


class _Bar(_Nothing):
    def __init__(self, watch: RunProgress) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.table import Column

        text = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis"))
        self._watch = watch
        self._progress = Progress(BarColumn(12), text, console=Console(stderr=True), transient=True)
        self._task = self._progress.add_task(watch.line(), total=watch.total)

    def start(self) -> None:
        self._progress.start()

    def advanced(self) -> None:
        self._progress.update(self._task, completed=self._watch.done, description=self._watch.line())

    def stop(self) -> None:
        self._progress.stop()


class _Lines(_Nothing):
    """A thread of its own tells, so that a line comes while a single question takes long, too."""

    def __init__(self, watch: RunProgress, every: float) -> None:
        self._watch, self._every = watch, every
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._tell, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()

    def _tell(self) -> None:
        while not self._ended.wait(self._every):
            say(self._watch.line())


def _duration(seconds: float) -> str:
    """In the largest unit that it has two of: 95 s, 3 min, 2.5 h."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
