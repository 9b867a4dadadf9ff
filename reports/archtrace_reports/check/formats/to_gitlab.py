"""GitLab: a code quality report, whose findings GitLab shows in a merge request.

https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

from __future__ import annotations

import json
from typing import Any

from archtrace_reports.check.fingerprints import fingerprints
from archtrace_reports.check.problem import CheckResult, Problem
from archtrace_reports.check.settings import Settings


def render(result: CheckResult, settings: Settings) -> str:
    """A list, empty where all is well."""
    pairs = zip(result.findings, fingerprints(result.findings, settings), strict=True)
    return json.dumps([_issue(finding, key, settings) for finding, key in pairs], indent=2) + "\n"


def _issue(finding: Problem, fingerprint: str, settings: Settings) -> dict[str, Any]:
    return {
        "description": f"{finding.code} {finding.message_with_cell}",
        "check_name": finding.code,
        "fingerprint": fingerprint,
        "severity": "major",
        "location": {"path": settings.relative(finding.path), "positions": _positions(finding)},
    }


def _positions(finding: Problem) -> dict[str, dict[str, int]]:
    """A notebook's lines are none of its file: the first stands for them."""
    if finding.cell:
        return {"begin": {"line": 1, "column": 1}, "end": {"line": 1, "column": 1}}
    return {
        "begin": {"line": finding.line, "column": finding.col},
        "end": {"line": finding.end_line, "column": finding.end_col},
    }
