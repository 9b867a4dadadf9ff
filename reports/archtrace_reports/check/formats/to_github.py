"""GitHub: workflow commands, which show findings beside the lines of a pull request."""

from __future__ import annotations

from archtrace_reports.check.finding import Finding, Found
from archtrace_reports.check.run import relative
from archtrace_reports.check.settings import Settings
from archtrace_reports.clean import clean


def render(found: Found, settings: Settings) -> str:
    """A command a finding."""
    return "".join(_command(finding, settings) for finding in found.findings)


def _command(finding: Finding, settings: Settings) -> str:
    places = {
        "file": relative(finding.path, settings.root),
        "line": finding.line,
        "col": finding.col,
        "endLine": finding.end_line,
        "endColumn": finding.end_col,
        "title": finding.code,
    }
    told = ",".join(f"{key}={_property(str(value))}" for key, value in places.items())
    return f"::error {told}::{_data(f'{finding.code} {finding.message}')}\n"


def _data(text: str) -> str:
    return clean(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
