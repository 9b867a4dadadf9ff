"""Many files checked: on all cores where that pays, and from a cache where nothing has changed."""

from __future__ import annotations

from collections.abc import Sequence

from archtrace_reports.asking.limits import cores
from archtrace_reports.check.check_file import check_file
from archtrace_reports.check.problem import CheckResult, Problem
from archtrace_reports.check.settings import Settings

#: Fewer files are checked sooner than a second process starts, or a cache is read.
MANY = 100


def check_files(files: Sequence[str], settings: Settings, *, cached: bool = True) -> CheckResult:
    """The findings in these files, in their order."""
    if len(files) < MANY:
        return CheckResult(tuple(f for path in files for f in check_file(path, settings)), len(files))
    from archtrace_reports.check.finding_cache import FindingCache

    cache = FindingCache(settings) if cached else None
    cached_findings = {path: findings for path in files if cache and (findings := cache.get(path)) is not None}
    fresh = _checked([path for path in files if path not in cached_findings], settings)
    if cache and fresh:
        cache.put(fresh)
    both = cached_findings | fresh
    return CheckResult(tuple(f for path in files for f in both[path]), len(files))


def _checked(files: Sequence[str], settings: Settings) -> dict[str, list[Problem]]:
    """Each file's findings, worked out on all cores."""
    if len(files) < MANY:
        return {path: check_file(path, settings) for path in files}
    from archtrace_reports.check.pool import check_in_processes

    return check_in_processes(files, settings, cores())
