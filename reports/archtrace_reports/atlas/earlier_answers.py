"""Remembered: what an atlas need not ask: the answers in its own file, and what is known from before it was made."""

from __future__ import annotations

from pathlib import Path

from archtrace.answer.result import Result
from archtrace_reports.asking.question import Question
from archtrace_reports.asking.store.known_answers import known_answer
from archtrace_reports.atlas.answer_log import KeptAnswers
from archtrace_reports.text.report import Unanswered


class Remembered:
    """The file of answers in an atlas's folder; unless it is to be made `fresh`, with what is known besides, of which
    each answer that is used is added to the file."""

    def __init__(self, file: Path, fresh: bool) -> None:
        self._kept = KeptAnswers(file)
        self._fresh = fresh

    def outcome(self, question: Question) -> Result | None:
        """What was answered to this question; None where it must be asked."""
        found = self._kept.outcome(question)
        if found is not None or self._fresh or question.files:
            return found
        before = known_answer(question, drawn=True)
        if before is not None:
            self.add(question, before)
        return before

    def add(self, question: Question, outcome: Result | Unanswered) -> None:
        """Keep one more."""
        self._kept.add(question, outcome)
