"""Text, the default: full where a person looks on, concise in a pipe, a file or a hook."""

from __future__ import annotations

import sys

from archtrace_reports.check.problem import CheckResult
from archtrace_reports.check.settings import Settings


def render(result: CheckResult, settings: Settings) -> str:
    """As the one of both that fits; neither is loaded where there is nothing to say."""
    if not result.findings:
        return ""
    if sys.stdout.isatty():
        from archtrace_reports.check.formats.to_full import render as chosen
    else:
        from archtrace_reports.check.formats.to_concise import render as chosen
    return chosen(result, settings)
