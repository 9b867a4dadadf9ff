"""Sweep: a whole mapping of the library, each model type or class of it in a bounded child process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from archtrace.answer.result import Result
from archtrace.targets.head_kinds import HEADS, classes, every_class
from archtrace_reports.asking.children import outcomes
from archtrace_reports.asking.limits import Limits
from archtrace_reports.asking.progress import RunProgress
from archtrace_reports.asking.question import Question
from archtrace_reports.text.report import Unanswered

#: All kinds of heads, each of which is one of its own.
EVERY = "all"


def model_types() -> list[str]:
    """Every model type that the library has a sequence classifier for."""
    from archtrace.targets.library import classifiers

    return sorted(classifiers())


def everything(question: Question) -> list[Question]:
    """The question, asked of every model type; of a kind of head, of every class of that kind with few layers."""
    if question.head is None:
        return [replace(question, target=name) for name in model_types()]
    heads = list(HEADS) if question.head == EVERY else [question.head]
    return [each for head in heads for each in _of_head(question, head)]


def _of_head(question: Question, head: str) -> Iterator[Question]:
    for model_type, name in every_class(head):
        usual = classes(head)[model_type][0] == name
        target = model_type if usual else f"transformers:{name}"
        yield replace(question, target=target, head=head if usual else None, shallow=True)


def ask_all(questions: list[Question], limits: Limits, progress: RunProgress) -> list[Result | Unanswered]:
    """The outcomes in the order of the questions."""
    by_number: dict[int, Result | Unanswered] = {}
    with progress:
        for number, outcome in outcomes(questions, limits):
            by_number[number] = outcome
            progress.advance(outcome)
    return [by_number[number] for number in range(len(questions))]
