"""Source rules: run over files, or over what comes through stdin; their findings, fixed or shown as a diff if asked."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from archtrace.errors import TargetError
from archtrace_reports.check.check_files import check_files
from archtrace_reports.check.files_to_check import files_to_check
from archtrace_reports.check.problem import CheckResult, Problem
from archtrace_reports.check.settings import Settings

if TYPE_CHECKING:
    from archtrace_reports.check.fix import FixedFile

#: The file that is no file: its text comes through stdin.
STDIN = "-"


#: Takes a message for each thing that could not be done.
Fail: TypeAlias = "Callable[[str], None]"


class SourceCheck(NamedTuple):
    """The findings; what `--diff` shows; the source that came through stdin, fixed by `--fix`."""

    result: CheckResult
    diff: str = ""
    source: bytes | None = None


def check_sources(files: tuple[str, ...], chosen: Settings, given: dict[str, Any]) -> SourceCheck:
    """Run the source rules over the files, and leave out the findings that the baseline knows."""
    if STDIN in files:
        return _piped(files, chosen, given)
    failures: list[str] = []
    files_found = list(files_to_check(files or ["."], chosen, failures.append, forced=given["force_exclude"]))
    if given["diff"]:
        return _as_diff(_fixed_files(files_found, chosen, failures.append), len(files_found), failures)
    fixed = [*_fix_files(files_found, chosen, failures.append)] if given["fix"] else []
    result = check_files(files_found, chosen, cached=not given["no_cache"])
    result = result._replace(failures=tuple(failures), fixed=len(fixed))
    return SourceCheck(_against_baseline(result, chosen, files_found, update=given["update_baseline"]))


def _piped(files: tuple[str, ...], chosen: Settings, given: dict[str, Any]) -> SourceCheck:
    """What comes through stdin, under the name that it is to have. With --fix it goes on to stdout, fixed."""
    from archtrace_reports.check.check_file import check_data, largest
    from archtrace_reports.check.fix import with_fixes

    if len(files) > 1:
        raise TargetError("- is what comes through stdin, and stands for itself: give no other file beside it")
    name = given["stdin_filename"] or STDIN
    data = sys.stdin.buffer.read(largest(name) + 1)
    if given["force_exclude"] and chosen.covers(name):
        return SourceCheck(CheckResult((), 0), source=data if given["fix"] else None)
    if given["diff"]:
        return _as_diff([(name, with_fixes(name, data, chosen))], 1, [])
    fixed = with_fixes(name, data, chosen) if given["fix"] else None
    source = fixed.after if fixed else data
    result = CheckResult(tuple(check_data(name, source, chosen)), 1, fixed=len(fixed.findings) if fixed else 0)
    result = _against_baseline(result, chosen, [name], update=given["update_baseline"])
    return SourceCheck(result, source=source if fixed else None)


def _as_diff(pairs: Iterable[tuple[str, FixedFile]], files: int, failures: list[str]) -> SourceCheck:
    """What `--fix` would change, as a diff; nothing is written, and no findings are listed."""
    from archtrace_reports.check.fix import diff
    from archtrace_reports.check.problem import shown

    results = [*pairs]
    text = "".join(diff(shown(name), result) for name, result in results)
    fixed = sum(len(result.findings) for _, result in results)
    return SourceCheck(CheckResult((), files, tuple(failures), fixed), text)


def _fixed_files(names: Iterable[str], chosen: Settings, fail: Fail) -> Iterator[tuple[str, FixedFile]]:
    from archtrace_reports.check.check_file import read
    from archtrace_reports.check.fix import with_fixes

    for name in names:
        try:
            yield name, with_fixes(name, read(name), chosen)
        except OSError as error:
            fail(f"{name} cannot be read: {error.strerror or error}")


def _fix_files(names: Iterable[str], chosen: Settings, fail: Fail) -> Iterator[Problem]:
    """What could be fixed in these files; one that cannot be written keeps no other from it."""
    from archtrace_reports.check.fix import fix_file

    for name in names:
        try:
            yield from fix_file(name, chosen)
        except OSError as error:
            fail(f"{name} cannot be fixed: {error.strerror or error}; it is as it was")


def _against_baseline(result: CheckResult, chosen: Settings, names: list[str], *, update: bool) -> CheckResult:
    if update and chosen.baseline is None:
        raise TargetError("--update-baseline needs a file: give --baseline FILE, or baseline in [tool.archtrace]")
    if chosen.baseline is None:
        return result
    from pathlib import Path

    from archtrace_reports.check.baseline import split_by_baseline, write_baseline
    from archtrace_reports.text.files import why_unwritable

    file = Path(chosen.baseline)
    problem = why_unwritable(file) if update else None
    if problem:
        raise TargetError(problem)
    if update:
        write_baseline(file, result.findings, chosen, names)
        return result._replace(findings=())
    unknown, stale = split_by_baseline(file, result.findings, chosen, names)
    return result._replace(findings=tuple(unknown), stale=stale)
