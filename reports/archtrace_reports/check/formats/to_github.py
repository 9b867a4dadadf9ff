"""GitHub: workflow commands, which show findings beside the lines of a pull request."""

from __future__ import annotations

from archtrace_reports.check.problem import CheckResult, Problem
from archtrace_reports.check.settings import Settings
from archtrace_reports.text.untrusted import clean


def render(result: CheckResult, settings: Settings) -> str:
    """A command a finding."""
    return "".join(_command(finding, settings) for finding in result.findings)


def _command(finding: Problem, settings: Settings) -> str:
    places = {"file": settings.relative(finding.path), **_lines(finding), "title": finding.code}
    properties = ",".join(f"{key}={_property(str(value))}" for key, value in places.items())
    return f"::error {properties}::{_data(f'{finding.code} {finding.message_with_cell}')}\n"


def _lines(finding: Problem) -> dict[str, int]:
    """GitHub takes columns only within one line. A notebook's lines are none of its file: the first stands for them."""
    if finding.cell:
        return {"line": 1}
    if finding.line != finding.end_line:
        return {"line": finding.line, "endLine": finding.end_line}
    return {"line": finding.line, "col": finding.col, "endLine": finding.end_line, "endColumn": finding.end_col}


def _data(text: str) -> str:
    """Escaped as the runner reads it: https://github.com/actions/toolkit, packages/core/src/command.ts."""
    return clean(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
