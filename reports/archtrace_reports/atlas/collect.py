"""Collection: every question asked once, each answer stored as it comes; a signal ends it, and no answer is lost."""

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


class AnswerSource(Protocol):
    """Where answers are stored from run to run."""

    def outcome(self, question: Question) -> Result | None:
        """The answer to this question; None where it must be asked."""

    def add(self, question: Question, outcome: Outcome) -> None:
        """Store one more."""


@dataclass(frozen=True)
class CollectionResult:
    """The outcomes of the targets in their order, without those that were not reached; the signal that ended the run
    (0: none did); how many targets have no outcome."""

    outcomes: tuple[Outcome, ...]
    signal: int
    left: int


class Stopped(BaseException):
    """A signal has asked the run to end. A BaseException: nothing that handles failures may take it for one."""


class Signals:
    """While open, the first SIGINT or SIGTERM raises Stopped, in `postponed` at its end; a second one ends at once."""

    def __init__(self) -> None:
        self.number = 0
        self._holding = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._received)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def _received(self, number: int, frame: FrameType | None) -> None:
        if self.number:
            raise KeyboardInterrupt
        self.number = number
        if not self._holding:
            raise Stopped

    @contextlib.contextmanager
    def postponed(self) -> Iterator[None]:
        """A signal that arrives in here is raised at the end, so that nothing is cut off in the middle."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
        if self.number:
            raise Stopped


class Collection:
    """The targets of an atlas, and the outcomes of their questions so far."""

    def __init__(self, plan: Sequence[AtlasTarget | Unanswered], known: AnswerSource) -> None:
        self._plan = plan
        self._known = known
        self._questions = {key(target.question): target.question for target in plan if isinstance(target, AtlasTarget)}
        self._outcomes: dict[str, Outcome] = {}
        self._signals = Signals()

    @property
    def questions(self) -> Sequence[Question]:
        """What is asked, each question once: targets of one structure share one."""
        return [*self._questions.values()]

    def go(self, ask: Asking, progress: RunProgress) -> CollectionResult:
        """Ask what the store does not have, and give each target its outcome; `progress` is told of questions."""
        with contextlib.suppress(Stopped), self._signals, progress:
            self._recall(progress)
            self._ask(ask, progress)
        outcomes = [self._outcome(target) for target in self._plan]
        reached = tuple(outcome for outcome in outcomes if outcome is not None)
        return CollectionResult(reached, self._signals.number, len(outcomes) - len(reached))

    def _recall(self, progress: RunProgress) -> None:
        for name, question in self._questions.items():
            outcome = self._known.outcome(question)
            if outcome is not None:
                self._outcomes[name] = outcome
                progress.advance(outcome, from_before=True)

    def _ask(self, ask: Asking, progress: RunProgress) -> None:
        unanswered = {name: question for name, question in self._questions.items() if name not in self._outcomes}
        names = [*unanswered]
        if not names:
            return
        with contextlib.closing(ask([*unanswered.values()])) as answers:
            for number, outcome in answers:
                with self._signals.postponed():
                    self._known.add(unanswered[names[number]], outcome)
                    self._outcomes[names[number]] = outcome
                    progress.advance(outcome)

    def _outcome(self, target: AtlasTarget | Unanswered) -> Outcome | None:
        if isinstance(target, Unanswered):
            return target
        outcome = self._outcomes.get(key(target.question))
        return None if outcome is None else target.renamed(outcome)


def key(question: Question) -> str:
    """Equal questions have equal keys."""
    return json.dumps(encode(question), sort_keys=True)
