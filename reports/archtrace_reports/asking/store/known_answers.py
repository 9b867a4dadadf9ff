"""Known answers: those in the user's cache folder, and those that come with archtrace."""

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
from archtrace_reports.asking.store.answer_store import AnswerStore, Entry, new_entry
from archtrace_reports.asking.store.environment import environment
from archtrace_reports.asking.store.portable_paths import HERE
from archtrace_reports.formats.converter import encode
from archtrace_reports.formats.from_json import decode
from archtrace_reports.text.report import GUESSED


def user_store() -> AnswerStore:
    """The store in the user's cache folder."""
    from platformdirs import user_cache_path

    return AnswerStore(user_cache_path("archtrace") / "answers")


def known_answer(question: Question, *, with_drawing: bool = False) -> Result | None:
    """The answer to a question whose files have not changed since; None where the model must be traced.

    `with_drawing`: with what drawings need. Neither torch nor transformers is imported to find out.
    """
    if question.trust_remote_code:
        return None
    entry = user_store().get(*_key(question)) or shipped_answers.find(question)
    # A checkout may have stored it in a form that it no longer reads.
    with contextlib.suppress(KeyError, TypeError, ValueError):
        return None if entry is None else _result(entry, with_drawing)
    return None


def _result(entry: Entry, with_drawing: bool) -> Result:
    result = replace(decode(entry.answer), kept=True)
    return with_anatomy(result, json.loads(entry.drawing)) if with_drawing else result


def keep_answer(question: Question, result: Result, files: Iterable[str] | None, since: int) -> bool:
    """Store an answer; `files`: those that it came from, None where that is not known; `since`: when the question was
    asked, in nanoseconds. Whether it was stored."""
    # A guessed config is looked up again the next time.
    guessed = any(finding.code == GUESSED for finding in result.findings)
    if files is None or question.trust_remote_code or guessed:
        return False
    return user_store().put(entry_of_answer(question, result, files, environment()), since, *_key(question))


def entry_of_answer(question: Question, result: Result, files: Iterable[str], installed: Any) -> Entry:
    """The entry of an answer, with the files that it came from, those that decide what its target means, and the
    installed packages."""
    return new_entry(
        question.target, (*files, *_deciding_places(question.target)), encode(result), encode(result.anatomy), installed
    )


def _key(question: Question) -> tuple[Any, ...]:
    fields = {name: value for name, value in asdict(question).items() if value}
    return "answer", json.dumps(fields, sort_keys=True, default=list), _folder_of_question(question), environment()


def _folder_of_question(question: Question) -> str:
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
