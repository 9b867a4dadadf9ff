"""Outcomes as plain JSON, for other processes of archtrace and its files; `--format json` leaves the drawing out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from archtrace.answer.result import Result
from archtrace_reports.formats.converter import decode, encode
from archtrace_reports.text.report import Unanswered


def encode_outcome(outcome: Result | Unanswered) -> dict[str, Any]:
    """An answer with its drawing, or why there is none."""
    if isinstance(outcome, Unanswered):
        return {"unanswered": encode(outcome)}
    return {"result": encode(outcome), "anatomy": encode(outcome.anatomy)}


def decode_outcome(value: Mapping[str, Any]) -> Result | Unanswered:
    """The inverse. ValueError or KeyError where it is no outcome."""
    if "result" not in value:
        return decode(value["unanswered"], Unanswered)
    return with_anatomy(decode(value["result"], Result), value.get("anatomy"))


def with_anatomy(result: Result, value: Any) -> Result:
    """A result with its stored drawing; `value` is the JSON of that."""
    from archtrace.answer.drawing import Anatomy

    return replace(result, anatomy=None if value is None else decode(value, Anatomy))
