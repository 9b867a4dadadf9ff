"""JSON: the findings for programs."""

from __future__ import annotations

import json
from typing import Any

from archtrace_reports.check.problem import CheckResult, Problem
from archtrace_reports.check.settings import Settings

#: History: 1, the first. A reader must ignore keys that it does not know.
FORMAT = 1


def render(result: CheckResult, settings: Settings) -> str:
    """The document."""
    del settings
    document = {
        "format": FORMAT,
        "files": result.files,
        "findings": [_finding(finding) for finding in result.findings],
        "failures": list(result.failures),
    }
    return json.dumps(document, indent=2) + "\n"


def _finding(finding: Problem) -> dict[str, Any]:
    edits, steps = ([each._asdict() for each in several] for several in (finding.edits, finding.steps))
    return finding._asdict() | {"fixable": finding.fixable, "edits": edits, "steps": steps}
