"""Baseline: findings of old code that are known and not told again. By code, file and text, so that lines may move."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from archtrace.errors import TargetError
from archtrace_reports.check.finding import Finding
from archtrace_reports.check.run import relative
from archtrace_reports.files import replace

FORMAT = 1


def kept(file: Path, findings: Sequence[Finding], root: str) -> None:
    """Write the findings down."""
    known = sorted([*_key(finding, root)] for finding in findings)
    replace(file.resolve(), json.dumps({"format": FORMAT, "known": known}, indent=1) + "\n")


def fresh(file: Path, findings: Sequence[Finding], root: str) -> list[Finding]:
    """The findings that are not known; each known one counts once. Raises TargetError where the file cannot be read."""
    try:
        known = Counter(tuple(key) for key in json.loads(file.read_text("utf-8"))["known"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TargetError(
            f"{file} is no baseline ({type(error).__name__}: {error}); make one with archtrace check --update-baseline"
        ) from None
    left = []
    for finding in findings:
        key = _key(finding, root)
        if known[key] > 0:
            known[key] -= 1
        else:
            left.append(finding)
    return left


def _key(finding: Finding, root: str) -> tuple[str, str, str]:
    return finding.code, relative(finding.path, root), finding.text
