"""Kept: a file of answers, one a line, so that a long run that was ended goes on where it was."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from archtrace.answer.result import Result
from archtrace_reports.asking.outcome_json import decode_outcome, encode_outcome
from archtrace_reports.asking.question import Question
from archtrace_reports.formats.converter import encode
from archtrace_reports.text.report import Unanswered, differing, versions


class KeptAnswers:
    """The answers in a file, and a place for more. What is held in memory is where each line begins."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._versions = versions()
        self._known = {_key(line["question"]): begins for begins, line in _placed(file)}

    def outcome(self, question: Question) -> Result | None:
        """What was answered to this question with the versions of today; None where it was not, so that it is asked
        again."""
        key = _key(encode(question))
        line = self._line(self._known[key]) if key in self._known else {}
        # Where two runs share a file a line may stand behind the place that one of them has noted.
        found = decode_outcome(line) if "result" in line and _key(line["question"]) == key else None
        return found if isinstance(found, Result) and not differing(found.versions, self._versions) else None

    def add(self, question: Question, outcome: Result | Unanswered) -> None:
        """Write one more line, in one call: it is there whole, or it is the last one and cut off."""
        line = json.dumps({"question": encode(question), **encode_outcome(outcome)})
        with self._file.open("ab", buffering=0) as stream:
            # A line that was cut off must not swallow this one.
            begins = stream.tell() + 1 if stream.tell() and not _ends_a_line(self._file) else stream.tell()
            stream.write(b"\n" * (begins - stream.tell()) + line.encode() + b"\n")
        self._known[_key(encode(question))] = begins

    def _line(self, begins: int) -> dict[str, Any]:
        with self._file.open("rb") as stream:
            stream.seek(begins)
            with contextlib.suppress(ValueError):
                found: dict[str, Any] = json.loads(stream.readline())
                return found
        return {}


def lines(file: Path) -> Iterator[dict[str, Any]]:
    """The lines of such a file; one that was cut off while it was written is left out."""
    yield from (line for _, line in _placed(file))


def _placed(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The lines, each with the byte at which it begins."""
    begins = 0
    with contextlib.suppress(FileNotFoundError), file.open("rb") as stream:
        for line in stream:
            with contextlib.suppress(ValueError):
                yield begins, json.loads(line)
            begins += len(line)


def _ends_a_line(file: Path) -> bool:
    with file.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) == b"\n"


def _key(question: dict[str, Any]) -> bytes:
    # Only what was asked for: a question of today may have a field more than one of yesterday.
    asked = json.dumps({name: value for name, value in question.items() if value}, sort_keys=True)
    return hashlib.sha256(asked.encode()).digest()
