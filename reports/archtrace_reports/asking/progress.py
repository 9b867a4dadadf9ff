"""Progress: what is being done, on stderr: drawn on a terminal, elsewhere in plain lines."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Column

from archtrace.answer.result import Result
from archtrace_reports.text.look import on_terminal
from archtrace_reports.text.notices import say
from archtrace_reports.text.report import Unanswered
from archtrace_reports.text.untrusted import clean


def _console() -> Console:
    return Console(stderr=True)


class Stages:
    """The stages of one trace, on a terminal; called by the engine with each stage and how much of it is done."""

    def __init__(self, target: str, shown: bool) -> None:
        self._target = clean(target)
        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
        drawn = shown and on_terminal()
        self._progress = Progress(*columns, console=_console(), transient=True, disable=not drawn)
        self._task = self._progress.add_task(f"{self._target}: starting", total=None)

    def __call__(self, stage: str, fraction: float | None) -> None:
        done = "" if fraction is None else f" {fraction:.0%}"
        self._progress.update(self._task, description=f"{self._target}: {clean(stage)}{done}")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()


#: Seconds between two lines where no bar can be drawn.
EVERY = 30.0
#: Up to so many targets, each has a line there as it ends.
FEW = 20


class RunProgress:
    """Counts the outcomes of `total` questions, and shows the count on stderr while it is open: as a bar on a terminal,
    elsewhere as a line every so often."""

    def __init__(self, total: int, shown: bool, *, every: float = EVERY) -> None:
        self._total = total
        self._counts = {"exact": 0, "bound": 0, "not answered": 0}
        self._from_before = 0
        self._began = time.monotonic()
        self._display = _Display() if not shown else _Bar(self) if on_terminal() else _Lines(self, every)

    def advance(self, outcome: Result | Unanswered, *, from_before: bool = False) -> None:
        """One more has its outcome; `kept`: from an earlier run."""
        status = outcome.status if isinstance(outcome, Result) else "not answered"
        self._counts[status] += 1
        self._from_before += from_before
        self._display.advance("" if from_before else f"{outcome.target}: {status}")

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
        note = f"; {self._from_before:,} kept from before" if self._from_before else ""
        return f"{self.done:,} of {self._total:,}{self._left()}{f' ({counts}{note})' if counts else ''}"

    def _left(self) -> str:
        # Answers kept from before took no time, and say nothing about the time of the rest.
        traced, remaining = self.done - self._from_before, self._total - self.done
        if not traced or not remaining:
            return ""
        return f", about {_duration((time.monotonic() - self._began) / traced * remaining)} left"

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        self._display.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._display.stop()


class _Display:
    """What shows nothing."""

    def start(self) -> None: ...
    def advance(self, ended: str) -> None: ...
    def stop(self) -> None: ...


class _Bar(_Display):
    def __init__(self, run: RunProgress) -> None:
        text = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis"))
        self._run = run
        self._progress = Progress(BarColumn(12), text, console=_console(), transient=True)
        self._task = self._progress.add_task(run.line(), total=run.total)

    def start(self) -> None:
        self._progress.start()

    def advance(self, ended: str) -> None:
        self._progress.update(self._task, completed=self._run.done, description=self._run.line())

    def stop(self) -> None:
        self._progress.stop()


class _Lines(_Display):
    """Lines from a thread of its own, so that they come while a single question takes long, too."""

    def __init__(self, run: RunProgress, every: float) -> None:
        self._run, self._every = run, every
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._tell, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def advance(self, ended: str) -> None:
        if ended and self._run.total <= FEW:
            say(f"{self._run.line()}: {ended}")

    def stop(self) -> None:
        self._ended.set()

    def _tell(self) -> None:
        while not self._ended.wait(self._every):
            say(self._run.line())


def _duration(seconds: float) -> str:
    """In the largest unit that it has two of: 95 s, 3 min, 2.5 h."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
