"""Progress: what is being done, on stderr, and only where that is a terminal."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from archtrace.answer.result import Result
from archtrace_reports.clean import clean
from archtrace_reports.report import Unanswered


def _console() -> Console:
    return Console(stderr=True)


class Stages:
    """The stages of one trace; call it with what the engine tells."""

    def __init__(self, target: str, shown: bool) -> None:
        self._target = clean(target)
        text = TextColumn("{task.description}", markup=False)
        self._progress = Progress(
            SpinnerColumn(), text, TimeElapsedColumn(), console=_console(), transient=True, disable=not shown
        )
        self._task = self._progress.add_task(f"{self._target}: starting", total=None)

    def __call__(self, stage: str, fraction: float | None) -> None:
        done = "" if fraction is None else f" {fraction:.0%}"
        self._progress.update(self._task, description=f"{self._target}: {clean(stage)}{done}")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()


class Bar:
    """How many of many targets are done, and how they went."""

    def __init__(self, total: int, shown: bool) -> None:
        self._counts = {"exact": 0, "bound": 0, "not answered": 0}
        text = TextColumn("{task.description}", markup=False)
        columns = (BarColumn(30), MofNCompleteColumn(), TimeElapsedColumn(), text)
        self._progress = Progress(*columns, console=_console(), transient=True, disable=not shown)
        self._task = self._progress.add_task("", total=total)

    def advance(self, outcome: Result | Unanswered) -> None:
        """One more is done."""
        self._counts[outcome.status if isinstance(outcome, Result) else "not answered"] += 1
        told = ", ".join(f"{number} {name}" for name, number in self._counts.items())
        self._progress.update(self._task, advance=1, description=told)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()
