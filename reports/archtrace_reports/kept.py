"""Kept: a file of answers, one a line, so that a long run that was ended goes on where it was."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from archtrace.answer.result import Result
from archtrace_reports.formats.to_json import encode
from archtrace_reports.load import decode
from archtrace_reports.question import Question
from archtrace_reports.report import Unanswered


class Kept:
    """The answers in a file, and a place for more. Drawings are not kept: a page made of these has none."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known = {_key(line["question"]): line for line in lines(file)}

    def outcome(self, question: Question) -> Result | None:
        """What was answered to this question; None where it was not, so that it is asked again."""
        line = self._known.get(_key(asdict(question)), {})
        return decode(line["result"]) if "result" in line else None

    def add(self, question: Question, outcome: Result | Unanswered) -> None:
        """Write one more line."""
        key = "result" if isinstance(outcome, Result) else "unanswered"
        told = encode(outcome) if isinstance(outcome, Result) else asdict(outcome)
        with self._file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"question": asdict(question), key: told}) + "\n")


def lines(file: Path) -> Iterator[dict[str, Any]]:
    """The lines of such a file; one that was cut off while it was written is left out."""
    with contextlib.suppress(FileNotFoundError), file.open(encoding="utf-8") as stream:
        for line in stream:
            with contextlib.suppress(ValueError):
                yield json.loads(line)


def _key(question: dict[str, Any]) -> str:
    # Only what was asked for: a question of today may have a field more than one of yesterday.
    return json.dumps({name: value for name, value in question.items() if value}, sort_keys=True)
