"""Summary: what a check prints on stderr: what could not be run, how many findings in how many files, by code."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from archtrace_reports.check.problem import CheckResult, shown


def summary(result: CheckResult, *, quiet: bool, statistics: bool, diff: bool = False) -> None:
    """What could not be run is printed with --quiet, too, and statistics where they were asked for. `diff`: the fixes
    were only shown."""
    for failure in result.failures:
        for number, line in enumerate(failure.split("\n")):
            say(line if number else f"archtrace: {line}")
    if not quiet:
        for line in _result_lines(result) if not diff else [_diff_line(result)]:
            say(f"archtrace: {line}")
    if statistics:
        _statistics(result)


def _result_lines(result: CheckResult) -> Iterator[str]:
    number, files = len(result.findings), len({finding.path for finding in result.findings})
    findings_line = f"{_count(number, 'finding')} in {_count(files, 'file')}" if number else _without_findings(result)
    fixed = f", {result.fixed} fixed" if result.fixed else ""
    parts = [_count(n, noun) for n, noun in ((result.files, "file"), (result.contracts, "contract")) if n]
    if parts or result.failures:
        yield f"{findings_line} ({' and '.join(parts) or _count(0, 'file')} checked{fixed})"
    else:
        yield "there is no Python file to check"
    fixable = sum(finding.fixable for finding in result.findings)
    if fixable:
        yield f"[*] {fixable:,} can be fixed with --fix"
    if result.stale:
        stale = f"{result.stale:,} stale {'entry' if result.stale == 1 else 'entries'}"
        yield f"the baseline has {stale}: nothing is found there now; --update-baseline drops them"


def _diff_line(result: CheckResult) -> str:
    """What --fix would do."""
    effect = f"--fix would fix {_count(result.fixed, 'finding')}" if result.fixed else "--fix would change nothing"
    return f"{effect} ({_count(result.files, 'file')} checked)"


def _without_findings(result: CheckResult) -> str:
    """What no finding means: clean where everything was looked at."""
    return "no findings" if result.failures else "clean"


def _statistics(result: CheckResult) -> None:
    """How many of each code, the most frequent first."""
    from collections import Counter

    from archtrace_reports.check.codes import known

    names = dict(known())
    counts = Counter(finding.code for finding in result.findings)
    for code, number in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        say(f"{number:5} {code} {names.get(code, '')}".rstrip())


def say(line: str) -> None:
    """Print a line on stderr, without control characters that a terminal would obey."""
    if not (line.isascii() and line.isprintable()):
        from archtrace_reports.text.files import encodable
        from archtrace_reports.text.untrusted import clean

        line = encodable(clean(shown(line)), sys.stderr)
    click.echo(line, err=True)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
