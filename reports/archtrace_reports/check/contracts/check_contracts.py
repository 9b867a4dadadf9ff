"""Check the contracts of a project one after the other; what is broken becomes findings."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path
from typing import NamedTuple

from archtrace.contract.verdict import Verdict
from archtrace.errors import TargetError
from archtrace_reports.check.contracts.contract_problems import from_current_folder, is_excused, problem_of
from archtrace_reports.check.contracts.declared_contracts import DeclaredContract, contracts
from archtrace_reports.check.contracts.verdict_cache import VerdictCache
from archtrace_reports.check.problem import Problem
from archtrace_reports.check.settings import NAME, Settings


class ContractResult(NamedTuple):
    """The result of checking the contracts. `excused`: findings that a noqa comment covers. `failures`: a message each.
    `contracts`: how many could be checked. `updated`: what was written, a line each."""

    findings: tuple[Problem, ...]
    excused: tuple[Problem, ...]
    failures: tuple[str, ...]
    contracts: int
    updated: tuple[str, ...] = ()


def check_contracts(
    settings: Settings, *, cached: bool = True, update: bool = False, shown: bool = False
) -> ContractResult:
    """Check the contracts of a project; with `update`, first write into them what the models read."""
    _refuse_unwritable(settings, update)
    verdicts: list[tuple[DeclaredContract, Verdict]] = []
    failures: list[str] = []
    for declared in contracts(settings):
        try:
            verdict = (
                _updated_verdict(declared, settings, shown) if update else verdict_on(declared, settings, cached, shown)
            )
        except (Exception, SystemExit) as error:  # a model that ends the program ends no check
            failures.append(failure(declared, error))
        else:
            verdicts.append((declared, verdict))
    written = _written(settings, verdicts, update)
    findings = [finding for declared, verdict in verdicts for finding in findings_of(declared, verdict, settings)]
    excused = tuple(filter(is_excused, findings))
    reported = tuple(finding for finding in findings if finding not in excused)
    return ContractResult(reported, excused, tuple(failures), len(verdicts), written)


def _refuse_unwritable(settings: Settings, update: bool) -> None:
    """Before any work is done."""
    from archtrace_reports.text.files import why_unwritable

    problem = why_unwritable(Path(settings.root, NAME)) if update else None
    if problem:
        raise TargetError(problem)


def verdict_on(declared: DeclaredContract, settings: Settings, cached: bool = True, shown: bool = False) -> Verdict:
    """The verdict on one contract, from the cache where nothing has changed. Raises ArchtraceError."""
    store = VerdictCache(settings.root)
    known = store.get(declared) if cached else None
    if known is not None:
        return known
    verdict, files, since = _traced(declared, settings, shown, update=False)
    if files is not None:
        store.put(declared, verdict, files, since)
    return verdict


def _updated_verdict(declared: DeclaredContract, settings: Settings, shown: bool) -> Verdict:
    """The verdict on a contract with the terms that its model meets; cached for the contract with these terms."""
    verdict, files, since = _traced(declared, settings, shown, update=True)
    terms = {**declared.table, **verdict.terms}
    agreed = {name: value for name, value in terms.items() if value is not None}
    if files is not None:
        VerdictCache(settings.root).put(DeclaredContract(declared.name, agreed, declared.file), verdict, files, since)
    return verdict


def _written(settings: Settings, verdicts: list[tuple[DeclaredContract, Verdict]], update: bool) -> tuple[str, ...]:
    if not update:
        return ()
    from archtrace_reports.check.contracts.update_pyproject import write_terms

    return tuple(write_terms(Path(settings.root, NAME), verdicts))


def findings_of(declared: DeclaredContract, verdict: Verdict, settings: Settings) -> list[Problem]:
    """The findings in a verdict that the settings do not ignore."""
    findings = [problem_of(broken, verdict, declared, Path(settings.root)) for broken in verdict.violations]
    return [finding for finding in findings if settings.wants(finding.code, finding.path)]


def failure(declared: DeclaredContract, error: BaseException) -> str:
    """Why a contract could not be checked: its place, its name, and the reason."""
    from archtrace_reports.asking.engine import reason

    target = declared.table.get("target") if isinstance(declared.table, dict) else None
    ended = f"its code ends the program (SystemExit: {error})" if isinstance(error, SystemExit) else None
    why = (ended or reason(error, f"archtrace {target or 'TARGET'} --debug")).removeprefix(f"{declared.name}: ")
    return f"{from_current_folder(str(declared.file))}:{declared.line()}: {declared.name}: {why}"


def _traced(
    declared: DeclaredContract, settings: Settings, shown: bool, *, update: bool
) -> tuple[Verdict, list[str] | None, int]:
    """Trace one model: the verdict, the files that it came from (None: not known), and when it began (nanoseconds).

    What a model prints goes to stderr: stdout is for findings.
    """
    from archtrace_reports.asking.dependencies import require
    from archtrace_reports.asking.engine import silence_libraries
    from archtrace_reports.asking.store.provenance import sources, watching

    contract, since, root = declared.contract, time.time_ns(), Path(settings.root).resolve()
    require()
    silence_libraries()
    from archtrace.contract.verify import files_looked_up, verify
    from archtrace_reports.asking.progress import Stages

    with contextlib.redirect_stdout(sys.stderr), Stages(declared.name, shown) as stages, watching():
        verdict = verify(contract, root, stages, agree=update)
    files = sources([str(root), str(root / "src")])
    return verdict, None if files is None else sorted({*files, *files_looked_up(contract, root)}), since
