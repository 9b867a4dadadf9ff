"""Fingerprints: what a finding is known by where its line moves. By code, file and text, and which of these."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

from archtrace_reports.check.paths import relative
from archtrace_reports.check.problem import Problem


def fingerprints(findings: Sequence[Problem], root: str) -> list[str]:
    """One for each finding, all distinct; paths count from the root on."""
    seen: Counter[str] = Counter()
    told = []
    for finding in findings:
        text = f"{finding.code}\0{relative(finding.path, root)}\0{finding.text}"
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        seen[digest] += 1
        told.append(f"{digest}:{seen[digest]}")
    return told
