"""Run: every question asked once, each answer kept as it comes; one signal ends it and loses nothing."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any, Protocol, Self, TypeAlias

from archtrace.answer.result import Result
from archtrace_reports.asking.progress import RunProgress
from archtrace_reports.asking.question import Question
from archtrace_reports.atlas.structure import AtlasTarget
from archtrace_reports.formats.converter import encode
from archtrace_reports.text.report import Unanswered

Outcome: TypeAlias = Result | Unanswered
#: Asks questions, and gives (number of the question, its outcome) as they end; closed, it ends what still runs.
Asking: TypeAlias = Callable[[Sequence[Question]], Generator[tuple[int, Outcome], None, None]]


class Known(Protocol):
    """Where answers are kept from run to run."""

    def outcome(self, question: Question) -> Result | None:
        """What was answered to this question; None where it must be asked."""

    def add(self, question: Question, outcome: Outcome) -> None:
        """Keep one more."""


@dataclass(frozen=True)
class Done:
    """The outcomes of the targets in their order, without those that were not reached; the signal that ended the run
    (0: none did); how many targets have no outcome."""

    outcomes: tuple[Outcome, ...]
    signal: int
    left: int


class Stopped(BaseException):
    """A signal has asked the run to end. A BaseException: nothing that handles failures may take it for one."""


class Signals:
    """While open, the first SIGINT or SIGTERM raises Stopped, though not within `held`; a second one ends at once."""

    def __init__(self) -> None:
        self.number = 0
        self._holding = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._heard)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        if self.number:
            raise KeyboardInterrupt
        self.number = number
        if not self._holding:
            raise Stopped

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Nothing is cut off in the middle in here: what was heard meanwhile is raised at the end."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
        if self.number:
            raise Stopped


class Collection:
    """A plan and what is known of it so far."""

    def __init__(self, plan: Sequence[AtlasTarget | Unanswered], known: Known) -> None:
        self._plan = plan
        self._known = known
        self._questions = {key(each.question): each.question for each in plan if isinstance(each, AtlasTarget)}
        self._found: dict[str, Outcome] = {}
        self._signals = Signals()

    @property
    def questions(self) -> Sequence[Question]:
        """What is asked, each question once: targets of one structure share one."""
        return [*self._questions.values()]

    def go(self, ask: Asking, progress: RunProgress) -> Done:
        """Ask what the store does not have, and give each target its outcome; `progress` is told of questions."""
        with contextlib.suppress(Stopped), self._signals, progress:
            self._recall(progress)
            self._ask(ask, progress)
        outcomes = [self._outcome(each) for each in self._plan]
        reached = tuple(outcome for outcome in outcomes if outcome is not None)
        return Done(reached, self._signals.number, len(outcomes) - len(reached))

    def _recall(self, progress: RunProgress) -> None:
        for name, question in self._questions.items():
            known = self._known.outcome(question)
            if known is not None:
                self._found[name] = known
                progress.advance(known, kept=True)

    def _ask(self, ask: Asking, progress: RunProgress) -> None:
        left = {name: question for name, question in self._questions.items() if name not in self._found}
        names = [*left]
        if not names:
            return
        with contextlib.closing(ask([*left.values()])) as answers:
            for number, outcome in answers:
                with self._signals.held():
                    self._known.add(left[names[number]], outcome)
                    self._found[names[number]] = outcome
                    progress.advance(outcome)

    def _outcome(self, each: AtlasTarget | Unanswered) -> Outcome | None:
        if isinstance(each, Unanswered):
            return each
        outcome = self._found.get(key(each.question))
        return None if outcome is None else each.told(outcome)


def key(question: Question) -> str:
    """Equal questions have equal keys."""
    return json.dumps(encode(question), sort_keys=True)
