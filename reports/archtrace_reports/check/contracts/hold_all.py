"""Run: every contract of a project held, one after the other, and what broke told as findings."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path
from typing import NamedTuple

from archtrace.contract.verdict import Verdict
from archtrace.errors import TargetError
from archtrace_reports.check.contracts.declared import Declared, contracts
from archtrace_reports.check.contracts.located import is_excused, placed, relative
from archtrace_reports.check.contracts.verdict_cache import VerdictCache
from archtrace_reports.check.problem import Problem
from archtrace_reports.check.settings import NAME, Settings


class Held(NamedTuple):
    """What holding the contracts gave. `excused`: findings that a noqa comment covers. `failures`: a message each.
    `contracts`: how many could be held. `updated`: what was written, a line each."""

    findings: tuple[Problem, ...]
    excused: tuple[Problem, ...]
    failures: tuple[str, ...]
    contracts: int
    updated: tuple[str, ...] = ()


def hold_all(settings: Settings, *, cached: bool = True, update: bool = False, shown: bool = False) -> Held:
    """Hold the contracts of a project; with `update`, write down what holds first, and tell what is left."""
    _refuse_unwritable(settings, update)
    verdicts: list[tuple[Declared, Verdict]] = []
    failures: list[str] = []
    for declared in contracts(settings):
        try:
            verdict = _updated(declared, settings, shown) if update else held(declared, settings, cached, shown)
        except (Exception, SystemExit) as error:  # a model that ends the program ends no check
            failures.append(failure(declared, error))
        else:
            verdicts.append((declared, verdict))
    written = _written(settings, verdicts, update)
    found = [finding for declared, verdict in verdicts for finding in findings_of(declared, verdict, settings)]
    excused = tuple(filter(is_excused, found))
    told = tuple(finding for finding in found if finding not in excused)
    return Held(told, excused, tuple(failures), len(verdicts), written)


def _refuse_unwritable(settings: Settings, update: bool) -> None:
    """Before any work is done."""
    from archtrace_reports.text.files import trouble

    problem = trouble(Path(settings.root, NAME)) if update else None
    if problem:
        raise TargetError(problem)


def held(declared: Declared, settings: Settings, cached: bool = True, shown: bool = False) -> Verdict:
    """What is said of one contract, from the cache where nothing has changed. Raises ArchtraceError."""
    store = VerdictCache(settings.root)
    kept = store.get(declared) if cached else None
    if kept is not None:
        return kept
    verdict, files, since = _traced(declared, settings, shown, update=False)
    if files is not None:
        store.put(declared, verdict, files, since)
    return verdict


def _updated(declared: Declared, settings: Settings, shown: bool) -> Verdict:
    """What is said of a contract once it says what its model holds; kept for the contract as it will stand."""
    verdict, files, since = _traced(declared, settings, shown, update=True)
    terms = {**declared.table, **verdict.terms}
    agreed = {name: value for name, value in terms.items() if value is not None}
    if files is not None:
        VerdictCache(settings.root).put(Declared(declared.name, agreed, declared.file), verdict, files, since)
    return verdict


def _written(settings: Settings, verdicts: list[tuple[Declared, Verdict]], update: bool) -> tuple[str, ...]:
    if not update:
        return ()
    from archtrace_reports.check.contracts.update import write

    return tuple(write(Path(settings.root, NAME), verdicts))


def findings_of(declared: Declared, verdict: Verdict, settings: Settings) -> list[Problem]:
    """What is broken, placed, as far as the settings want to hear of it."""
    found = [placed(broken, verdict, declared, Path(settings.root)) for broken in verdict.violations]
    return [finding for finding in found if settings.wants(finding.code, finding.path)]


def failure(declared: Declared, error: BaseException) -> str:
    """Why a contract could not be held: its place, its name, and the reason."""
    from archtrace_reports.asking.engine import reason

    target = declared.table.get("target") if isinstance(declared.table, dict) else None
    ended = f"its code ends the program (SystemExit: {error})" if isinstance(error, SystemExit) else None
    why = ended or reason(error, f"archtrace {target or 'TARGET'} --debug")
    return (
        f"{relative(str(declared.file))}:{declared.line()}: {declared.name}: {why.removeprefix(f'{declared.name}: ')}"
    )


def _traced(
    declared: Declared, settings: Settings, shown: bool, *, update: bool
) -> tuple[Verdict, list[str] | None, int]:
    """Trace one: what is said of it, the files behind that (None: not known), and when it began (nanoseconds).

    What a model prints goes to stderr: stdout is for findings.
    """
    from archtrace_reports.asking.dependencies import require
    from archtrace_reports.asking.engine import hush
    from archtrace_reports.asking.store.provenance import sources, watching

    contract, since, root = declared.contract, time.time_ns(), Path(settings.root).resolve()
    require()
    hush()
    from archtrace.contract.verify import files_looked_up, verify
    from archtrace_reports.asking.progress import Stages

    with contextlib.redirect_stdout(sys.stderr), Stages(declared.name, shown) as stages, watching():
        verdict = verify(contract, root, stages, agree=update)
    files = sources([str(root), str(root / "src")])
    return verdict, None if files is None else sorted({*files, *files_looked_up(contract, root)}), since
