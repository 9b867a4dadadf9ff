"""JSON: the whole report for programs, as `formats/schema/result-3.json` says; in ASCII, which any pipe takes."""

from __future__ import annotations

import json
from typing import Any

from archtrace_reports.formats.converter import encode
from archtrace_reports.text.look import Look
from archtrace_reports.text.report import Report, versions

SUFFIXES = (".json",)
DRAWN = False
#: History: 1, the first; 2, `output` and `outputs`, and a parameter is dead only if it reaches none of these; an output
#: with positions has `relations`, and what reaches `each` of them; `others` are further texts; `padding` is told by
#: input and tensor; `fields` say what of an image stands where; `work` counts what is computed in vain; `setup` is
#: of a tokenizer, `frame` what it sets around a text; a step is `early` where it runs on every position;
#: 3, what differs from run to run is in `run`, where `seconds` was beside the rest. Readers must
#: ignore keys that they do not know; the number rises when a known key changes.
FORMAT = 3
#: Values that fit stand on one line: rows of positions would fill screens.
LINE = 110


def render(report: Report, look: Look) -> str:
    """The document, indented."""
    del look
    return f"{_pretty(document(report))}\n"


def document(report: Report) -> dict[str, Any]:
    """The report as plain dicts and lists."""
    return {
        "format": FORMAT,
        "versions": dict(report.versions) or versions(),
        "results": encode(report.results),
        "unanswered": encode(report.unanswered),
    }


def _pretty(value: Any, indent: int = 0) -> str:
    line = json.dumps(value, allow_nan=False)
    if indent + len(line) <= LINE or not isinstance(value, dict | list):
        return line
    margin = " " * (indent + 2)
    if isinstance(value, dict):
        parts = [f"{margin}{json.dumps(key)}: {_pretty(item, indent + 2)}" for key, item in value.items()]
        return _enclosed("{", parts, "}", indent)
    return _enclosed("[", [margin + _pretty(item, indent + 2) for item in value], "]", indent)


def _enclosed(opening: str, parts: list[str], closing: str, indent: int) -> str:
    return "\n".join([opening, ",\n".join(parts), " " * indent + closing])
