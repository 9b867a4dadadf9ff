"""Summary: what a check says on stderr: what could not be run, how much was found in how much, counts by code."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from archtrace_reports.check.problem import CheckResult, shown


def summary(found: CheckResult, *, quiet: bool, statistics: bool, diff: bool = False) -> None:
    """What could not be run is said to the quiet too, and statistics to those who asked for them. `diff`: what was
    mended was only shown."""
    for failure in found.failures:
        for number, line in enumerate(failure.split("\n")):
            say(line if number else f"archtrace: {line}")
    if not quiet:
        for line in _told(found) if not diff else [_would(found)]:
            say(f"archtrace: {line}")
    if statistics:
        _statistics(found)


def _told(found: CheckResult) -> Iterator[str]:
    number, files = len(found.findings), len({finding.path for finding in found.findings})
    told = f"{_count(number, 'finding')} in {_count(files, 'file')}" if number else _silent(found)
    mended = f", {found.fixed} fixed" if found.fixed else ""
    parts = [_count(n, noun) for n, noun in ((found.files, "file"), (found.contracts, "contract")) if n]
    if parts or found.failures:
        yield f"{told} ({' and '.join(parts) or _count(0, 'file')} checked{mended})"
    else:
        yield "there is no Python file to check"
    fixable = sum(finding.fixable for finding in found.findings)
    if fixable:
        yield f"[*] {fixable:,} can be fixed with --fix"
    if found.stale:
        noun = "entry" if found.stale == 1 else "entries"
        yield f"the baseline has {found.stale:,} stale {noun}: nothing is found there now; --update-baseline drops them"


def _would(found: CheckResult) -> str:
    """What --fix would do."""
    told = f"--fix would fix {_count(found.fixed, 'finding')}" if found.fixed else "--fix would change nothing"
    return f"{told} ({_count(found.files, 'file')} checked)"


def _silent(found: CheckResult) -> str:
    """What no finding means: clean where everything was looked at."""
    return "no findings" if found.failures else "clean"


def _statistics(found: CheckResult) -> None:
    """How many of each code, the most frequent first."""
    from collections import Counter

    from archtrace_reports.check.codes import known

    names = dict(known())
    counts = Counter(finding.code for finding in found.findings)
    for code, number in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        say(f"{number:5} {code} {names.get(code, '')}".rstrip())


def say(line: str) -> None:
    """A line to people, without anything that a terminal would obey."""
    if not (line.isascii() and line.isprintable()):
        from archtrace_reports.text.files import encodable
        from archtrace_reports.text.untrusted import clean

        line = encodable(clean(shown(line)), sys.stderr)
    click.echo(line, err=True)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
