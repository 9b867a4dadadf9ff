"""Join: what both parts of a check found, told once. A noqa is unused only where no part has use for it, and all have
spoken."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from archtrace.contract.rules import rules
from archtrace_reports.check.problem import CheckResult, Problem

if TYPE_CHECKING:
    from archtrace_reports.check.contracts.check_contracts import Held


def join(told: CheckResult, held: Held | None) -> CheckResult:
    """The source rules' findings with those of contracts; None where contracts are declared and were not held."""
    spoken = held is not None and not held.failures
    used = {(f.path, f.line, f.code) for f in held.excused} if held else set()
    graph = {rule.code for rule in rules()}

    def stands(finding: Problem) -> bool:
        """Whether a finding is told: any but a noqa that the contracts use, or may use."""
        idle = (finding.path, finding.line, finding.about) not in used
        return finding.about not in graph or (spoken and idle)

    kept = told._replace(findings=tuple(filter(stands, told.findings)))
    if held is None:
        return kept
    known = {_fact(finding) for finding in kept.findings}
    both = (*kept.findings, *(finding for finding in held.findings if _fact(finding) not in known))
    return kept._replace(findings=both, failures=(*told.failures, *held.failures), contracts=held.contracts)


def _fact(finding: Problem) -> tuple[str, str, str]:
    """What a finding is about: a code in a function. The source rule and the graph rule of a code say the same of it,
    one at the index, the other at the read."""
    return finding.code, os.path.abspath(finding.path), finding.function or str(finding.line)
