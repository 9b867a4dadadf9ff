"""Progress: what is being done, on stderr: drawn on a terminal, elsewhere in plain lines."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from archtrace.answer.result import Result
from archtrace_reports.asking.elapsed import elapsed
from archtrace_reports.text.look import on_terminal
from archtrace_reports.text.notices import say
from archtrace_reports.text.report import Unanswered
from archtrace_reports.text.untrusted import clean


def _console() -> Console:
    return Console(stderr=True)


class Stages:
    """The stages of one trace, on a terminal; call it with what the engine tells."""

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


#: Of so many targets each is told where no bar can be drawn; of more about as many lines are written.
FEW = 20


class Bar:
    """How many of many targets are done, and how they went: a bar on a terminal, elsewhere a line every so often."""

    def __init__(self, total: int, shown: bool) -> None:
        self._counts = {"exact": 0, "bound": 0, "not answered": 0}
        self._total, self._step = total, -(-total // FEW)
        self._plain = shown and not on_terminal()
        text = TextColumn("{task.description}", markup=False)
        columns = (BarColumn(30), MofNCompleteColumn(), TimeElapsedColumn(), text)
        drawn = shown and not self._plain
        self._progress = Progress(*columns, console=_console(), transient=True, disable=not drawn)
        self._task = self._progress.add_task("", total=total)

    def advance(self, outcome: Result | Unanswered) -> None:
        """One more is done."""
        status = outcome.status if isinstance(outcome, Result) else "not answered"
        self._counts[status] += 1
        told = ", ".join(f"{number} {name}" for name, number in self._counts.items())
        self._progress.update(self._task, advance=1, description=told)
        done = sum(self._counts.values())
        if self._plain and (done % self._step == 0 or done == self._total):
            what = f"{outcome.target} {status}" if self._step == 1 else told
            say(f"{done} of {self._total} done after {elapsed():.0f} s: {what}")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()
