"""Source: what the source rules say of the files that are meant, or of what comes through stdin, and what mends it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from archtrace.errors import TargetError
from archtrace_reports.check.check_files import run
from archtrace_reports.check.problem import CheckResult, Problem
from archtrace_reports.check.settings import Settings
from archtrace_reports.check.sources import sources

if TYPE_CHECKING:
    from archtrace_reports.check.fix import Mended

#: The file that is no file: its text comes through stdin.
STDIN = "-"


#: Hears of what could not be done.
Fail: TypeAlias = "Callable[[str], None]"


class SourceCheck(NamedTuple):
    """What was found; what `--diff` shows; the source that came through stdin, mended by `--fix`."""

    found: CheckResult
    diff: str = ""
    source: bytes | None = None


def look(files: tuple[str, ...], chosen: Settings, given: dict[str, Any]) -> SourceCheck:
    """What the source rules say, but for what the baseline knows."""
    if STDIN in files:
        return _piped(files, chosen, given)
    failures: list[str] = []
    names = list(sources(files or ["."], chosen, failures.append, forced=given["force_exclude"]))
    if given["diff"]:
        return _shown(_each_mended(names, chosen, failures.append), len(names), failures)
    mended = [*_mend(names, chosen, failures.append)] if given["fix"] else []
    found = run(names, chosen, cached=not given["no_cache"])
    found = found._replace(failures=tuple(failures), fixed=len(mended))
    return SourceCheck(_against_baseline(found, chosen, names, update=given["update_baseline"]))


def _piped(files: tuple[str, ...], chosen: Settings, given: dict[str, Any]) -> SourceCheck:
    """What comes through stdin, under the name that it is to have. With --fix it goes on to stdout, mended."""
    from archtrace_reports.check.fix import mended
    from archtrace_reports.check.one import check_data, largest

    if len(files) > 1:
        raise TargetError("- is what comes through stdin, and stands for itself: give no other file beside it")
    name = given["stdin_filename"] or STDIN
    data = sys.stdin.buffer.read(largest(name) + 1)
    if given["force_exclude"] and chosen.covers(name):
        return SourceCheck(CheckResult((), 0), source=data if given["fix"] else None)
    if given["diff"]:
        return _shown([(name, mended(name, data, chosen))], 1, [])
    result = mended(name, data, chosen) if given["fix"] else None
    after = result.after if result else data
    found = CheckResult(tuple(check_data(name, after, chosen)), 1, fixed=len(result.findings) if result else 0)
    told = _against_baseline(found, chosen, [name], update=given["update_baseline"])
    return SourceCheck(told, source=after if result else None)


def _shown(each: Iterable[tuple[str, Mended]], files: int, failures: list[str]) -> SourceCheck:
    """What would be mended, as a diff; nothing is written, and findings are not told."""
    from archtrace_reports.check.fix import diff
    from archtrace_reports.check.problem import shown

    results = [*each]
    text = "".join(diff(shown(name), result) for name, result in results)
    fixed = sum(len(result.findings) for _, result in results)
    return SourceCheck(CheckResult((), files, tuple(failures), fixed), text)


def _each_mended(names: Iterable[str], chosen: Settings, fail: Fail) -> Iterator[tuple[str, Mended]]:
    from archtrace_reports.check.fix import mended
    from archtrace_reports.check.one import read

    for name in names:
        try:
            yield name, mended(name, read(name), chosen)
        except OSError as error:
            fail(f"{name} cannot be read: {error.strerror or error}")


def _mend(names: Iterable[str], chosen: Settings, fail: Fail) -> Iterator[Problem]:
    """What could be mended in these files; one that cannot be written keeps no other from it."""
    from archtrace_reports.check.fix import fix_file

    for name in names:
        try:
            yield from fix_file(name, chosen)
        except OSError as error:
            fail(f"{name} cannot be fixed: {error.strerror or error}; it is as it was")


def _against_baseline(found: CheckResult, chosen: Settings, names: list[str], *, update: bool) -> CheckResult:
    if update and chosen.baseline is None:
        raise TargetError("--update-baseline needs a file: give --baseline FILE, or baseline in [tool.archtrace]")
    if chosen.baseline is None:
        return found
    from pathlib import Path

    from archtrace_reports.check.baseline import fresh, kept
    from archtrace_reports.text.files import trouble

    file = Path(chosen.baseline)
    problem = trouble(file) if update else None
    if problem:
        raise TargetError(problem)
    if update:
        kept(file, found.findings, chosen, names)
        return found._replace(findings=())
    left, stale = fresh(file, found.findings, chosen, names)
    return found._replace(findings=tuple(left), stale=stale)
