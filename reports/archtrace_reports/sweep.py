"""Sweep: the library's whole mapping of sequence classifiers, each model type in a bounded child process."""

from __future__ import annotations

from dataclasses import replace

from archtrace.answer.result import Result
from archtrace.errors import TargetError
from archtrace_reports.children import Limits, outcomes, run
from archtrace_reports.progress import Bar
from archtrace_reports.question import Question
from archtrace_reports.report import Unanswered


def model_types() -> list[str]:
    """Every model type that the library has a sequence classifier for. A child asks: the answer needs torch."""
    for _, found in run([("the library's classifiers", "--types")], Limits(jobs=1)):
        if isinstance(found, Unanswered):
            raise TargetError(f"transformers cannot list its sequence classifiers: {found.reason}")
        return [str(name) for name in found]
    return []


def everything(question: Question) -> list[Question]:
    """The question, asked of every model type."""
    return [replace(question, target=name) for name in model_types()]


def ask_all(questions: list[Question], limits: Limits, bar: Bar) -> list[Result | Unanswered]:
    """The outcomes in the order of the questions."""
    found: dict[int, Result | Unanswered] = {}
    with bar:
        for number, outcome in outcomes(questions, limits):
            found[number] = outcome
            bar.advance(outcome)
    return [found[number] for number in range(len(questions))]
