"""Answers: what questions were answered, kept in the user's cache folder, or come with archtrace."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from typing import Any

from archtrace.answer.result import Result
from archtrace_reports.asking.outcome_json import with_anatomy
from archtrace_reports.asking.question import Question
from archtrace_reports.asking.store import shipped_answers
from archtrace_reports.asking.store.answer_store import AnswerStore, Entry, entry
from archtrace_reports.asking.store.environment import environment
from archtrace_reports.asking.store.portable_paths import HERE
from archtrace_reports.formats.converter import encode
from archtrace_reports.formats.from_json import decode
from archtrace_reports.text.report import GUESSED


def store() -> AnswerStore:
    """The user's."""
    from platformdirs import user_cache_path

    return AnswerStore(user_cache_path("archtrace") / "answers")


def known(question: Question, *, drawn: bool = False) -> Result | None:
    """What was answered to this question, nothing behind it having changed; None where it must be asked.

    `drawn`: with what drawings need. Nothing heavy is imported to find out.
    """
    if question.trust_remote_code:
        return None
    kept = store().get(*_key(question)) or shipped_answers.find(question)
    # A checkout may have kept it in a form that it does not read any longer.
    with contextlib.suppress(KeyError, TypeError, ValueError):
        return None if kept is None else _result(kept, drawn)
    return None


def _result(kept: Entry, drawn: bool) -> Result:
    result = replace(decode(kept.answer), kept=True)
    return with_anatomy(result, json.loads(kept.drawing)) if drawn else result


def keep(question: Question, result: Result, files: Iterable[str] | None, since: int) -> bool:
    """Keep an answer; `files`: those that it came from, None where that is not known; `since`: when it was asked, in
    nanoseconds. Whether it was kept."""
    # Such a config is looked up again the next time.
    guessed = any(finding.code == GUESSED for finding in result.findings)
    if files is None or question.trust_remote_code or guessed:
        return False
    return store().put(made(question, result, files, environment()), since, *_key(question))


def made(question: Question, result: Result, files: Iterable[str], installed: Any) -> Entry:
    """The entry of an answer: it came from these files, what its names could have meant, and what was installed."""
    return entry(
        question.target, (*files, *_deciding_places(question.target)), encode(result), encode(result.anatomy), installed
    )


def _key(question: Question) -> tuple[Any, ...]:
    asked = {name: value for name, value in asdict(question).items() if value}
    return "answer", json.dumps(asked, sort_keys=True, default=list), _place(question), environment()


def _place(question: Question) -> str:
    """The folder from which it is asked, where the question names something in it."""
    relative = ":" in question.target or question.config or question.inputs or os.path.exists(_expanded(question))
    return os.getcwd() if relative else ""


def _expanded(question: Question) -> str:
    return os.path.expanduser(question.target)


def _deciding_places(target: str) -> Iterator[str]:
    """What decides which model the target means: a name that no folder has is looked for wherever it is asked from."""
    from archtrace.targets.candidates import deciding_paths

    for path in deciding_paths(target):
        yield str(path) if path.is_absolute() else HERE + path.as_posix()
