"""Saving: what `Trace.save` and `Trace.to_json` call."""

from __future__ import annotations

from pathlib import Path

from archtrace.answer.result import Result
from archtrace.errors import TargetError, message
from archtrace_reports import formats
from archtrace_reports.text.files import why_unwritable, write
from archtrace_reports.text.look import Look
from archtrace_reports.text.report import report


def save(result: Result, file: Path) -> None:
    """Write a result in the format that the file's ending asks for. TargetError where there is none, or no place."""
    style = formats.named_by(file)
    if style is None:
        do = f"end it in {', '.join(sorted(formats.endings()))}"
        raise TargetError(message(f"no format is known by the ending of {file.name}", where=str(file), do=do))
    if (why := why_unwritable(file)) is not None:
        raise TargetError(message("the answer cannot be written", where=str(file), why=why))
    write(_text(result, style), file)


def as_json(result: Result) -> str:
    """The JSON document of a result."""
    return _text(result, "json")


def _text(result: Result, style: str) -> str:
    return formats.load(style).render(report([result]), Look())
