"""Answer log: a file of answers, one a line, so that a long run that was interrupted goes on where it was."""

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


class AnswerLog:
    """The answers in a file, to which more are added. In memory is only the offset of each line."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._versions = versions()
        self._offsets = {_key(line["question"]): offset for offset, line in _lines_with_offsets(file)}

    def outcome(self, question: Question) -> Result | None:
        """The answer to this question by the installed versions; None where it must be asked."""
        key = _key(encode(question))
        line = self._line(self._offsets[key]) if key in self._offsets else {}
        # Where two runs write to one file, a line may not begin at the offset that one of them has noted.
        outcome = decode_outcome(line) if "result" in line and _key(line["question"]) == key else None
        return outcome if isinstance(outcome, Result) and not differing(outcome.versions, self._versions) else None

    def add(self, question: Question, outcome: Result | Unanswered) -> None:
        """Write one more line, in one call: it is there whole, or it is the last one and cut off."""
        line = json.dumps({"question": encode(question), **encode_outcome(outcome)})
        with self._file.open("ab", buffering=0) as stream:
            # A line that was cut off must not swallow this one.
            offset = stream.tell() + 1 if stream.tell() and not _ends_a_line(self._file) else stream.tell()
            stream.write(b"\n" * (offset - stream.tell()) + line.encode() + b"\n")
        self._offsets[_key(encode(question))] = offset

    def _line(self, offset: int) -> dict[str, Any]:
        with self._file.open("rb") as stream:
            stream.seek(offset)
            with contextlib.suppress(ValueError):
                line: dict[str, Any] = json.loads(stream.readline())
                return line
        return {}


def lines(file: Path) -> Iterator[dict[str, Any]]:
    """The lines of such a file; one that was cut off while it was written is left out."""
    yield from (line for _, line in _lines_with_offsets(file))


def _lines_with_offsets(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The lines, each with the byte at which it begins."""
    offset = 0
    with contextlib.suppress(FileNotFoundError), file.open("rb") as stream:
        for line in stream:
            with contextlib.suppress(ValueError):
                yield offset, json.loads(line)
            offset += len(line)


def _ends_a_line(file: Path) -> bool:
    with file.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) == b"\n"


def _key(question: dict[str, Any]) -> bytes:
    # Without empty fields: a newer release may have added one, of which older questions know nothing.
    fields = json.dumps({name: value for name, value in question.items() if value}, sort_keys=True)
    return hashlib.sha256(fields.encode()).digest()
