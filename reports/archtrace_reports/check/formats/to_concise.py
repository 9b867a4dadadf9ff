"""Concise: path:line:col: CODE message, a line a finding; [*] marks what --fix fixes."""

from __future__ import annotations

from archtrace_reports.check.problem import CheckResult
from archtrace_reports.check.settings import Settings


def render(result: CheckResult, settings: Settings) -> str:
    """A line a finding."""
    del settings
    if not result.findings:
        return ""
    from archtrace_reports.text.untrusted import clean

    return "".join(f"{clean(f'{finding.place}: {finding.headline}')}\n" for finding in result.findings)
