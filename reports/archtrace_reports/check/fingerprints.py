"""Fingerprints: what a finding is known by when its line moves: its code, its file and the text of its line."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

from archtrace_reports.check.problem import Problem
from archtrace_reports.check.settings import Settings

#: Code, path from the root on, text of the line.
Identity: TypeAlias = tuple[str, str, str]


def identity(finding: Problem, settings: Settings) -> Identity:
    """What stays of a finding when its line moves; several findings may share it."""
    return finding.code, settings.relative(finding.path), finding.text


def fingerprints(findings: Sequence[Problem], settings: Settings) -> list[str]:
    """One for each finding, all distinct: those that share an identity are numbered."""
    counts: Counter[str] = Counter()
    numbered = []
    for finding in findings:
        text = "\0".join(identity(finding, settings))
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        counts[digest] += 1
        numbered.append(f"{digest}:{counts[digest]}")
    return numbered
