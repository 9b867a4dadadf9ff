"""Merge the findings of both parts of a check, each reported once. A noqa is unused only if no part uses it, and only
once all have run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from archtrace.contract.rules import rules
from archtrace_reports.check.problem import CheckResult, Problem

if TYPE_CHECKING:
    from archtrace_reports.check.contracts.check_contracts import ContractResult


def merge_findings(source: CheckResult, contracts: ContractResult | None) -> CheckResult:
    """The source rules' findings with those of contracts; None where contracts are declared and were not checked."""
    all_checked = contracts is not None and not contracts.failures
    used = {(f.path, f.line, f.code) for f in contracts.excused} if contracts else set()
    graph = {rule.code for rule in rules()}

    def is_reported(finding: Problem) -> bool:
        """Whether a finding is reported: any but a noqa that the contracts use, or may use."""
        is_unused = (finding.path, finding.line, finding.about) not in used
        return finding.about not in graph or (all_checked and is_unused)

    merged = source._replace(findings=tuple(filter(is_reported, source.findings)))
    if contracts is None:
        return merged
    known = {_fact(finding) for finding in merged.findings}
    both = (*merged.findings, *(finding for finding in contracts.findings if _fact(finding) not in known))
    failures = (*source.failures, *contracts.failures)
    return merged._replace(findings=both, failures=failures, contracts=contracts.contracts)


def _fact(finding: Problem) -> tuple[str, str, str]:
    """What a finding is about: a code in a function. The source rule and the graph rule of a code report the same
    mistake, one at the index, the other at the read."""
    return finding.code, os.path.abspath(finding.path), finding.function or str(finding.line)
