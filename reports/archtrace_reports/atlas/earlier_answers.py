"""Earlier answers, which an atlas need not ask for: those in its own file, and those in the user's cache."""

from __future__ import annotations

from pathlib import Path

from archtrace.answer.result import Result
from archtrace_reports.asking.question import Question
from archtrace_reports.asking.store.known_answers import known_answer
from archtrace_reports.atlas.answer_log import AnswerLog
from archtrace_reports.text.report import Unanswered


class EarlierAnswers:
    """The answers in an atlas's folder and, unless it is to be made `fresh`, known ones: each of these that is used is
    added to the folder's file."""

    def __init__(self, file: Path, fresh: bool) -> None:
        self._log = AnswerLog(file)
        self._fresh = fresh

    def outcome(self, question: Question) -> Result | None:
        """The answer to this question; None where it must be asked."""
        logged = self._log.outcome(question)
        if logged is not None or self._fresh or question.files:
            return logged
        known = known_answer(question, with_drawing=True)
        if known is not None:
            self.add(question, known)
        return known

    def add(self, question: Question, outcome: Result | Unanswered) -> None:
        """Store one more."""
        self._log.add(question, outcome)
