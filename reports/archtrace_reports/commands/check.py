"""check: wrong readouts in Python code, told as linters tell them."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from archtrace.errors import TargetError
from archtrace_reports.check import formats
from archtrace_reports.check.codes import unknown
from archtrace_reports.check.finding import Finding, Found
from archtrace_reports.check.one import known
from archtrace_reports.check.run import run
from archtrace_reports.check.settings import Settings, settings
from archtrace_reports.check.sources import sources
from archtrace_reports.clean import clean
from archtrace_reports.files import encodable, trouble

CLEAN, FINDINGS, FAILED = 0, 1, 2


def _codes(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    codes = tuple(code for value in values for code in value.upper().replace(",", " ").split())
    wrong = unknown(codes)
    if wrong:
        raise click.BadParameter(wrong[0], context, option)
    return codes


@click.command("check", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("files", nargs=-1, metavar="[FILE|FOLDER]...")
@click.option("--select", multiple=True, metavar="CODES", callback=_codes, help="Tell these codes alone; AT is all.")
@click.option("--ignore", multiple=True, metavar="CODES", callback=_codes, help="Do not tell these codes.")
@click.option("--output-format", "style", type=click.Choice(formats.names()), default="text", help="How to tell.")
@click.option("--fix", is_flag=True, help="Mend what can be mended safely (AT001, AT002).")
@click.option("--baseline", type=click.Path(path_type=Path), metavar="FILE", help="Do not tell what this file knows.")
@click.option("--update-baseline", is_flag=True, help="Write all findings to the baseline, and tell none.")
@click.option("--statistics", is_flag=True, help="Count findings by code on stderr.")
@click.option("--no-cache", is_flag=True, help="Check every file again.")
@click.option("-q", "--quiet", is_flag=True, help="No summary on stderr.")
def command(files: tuple[str, ...], select: tuple[str, ...], ignore: tuple[str, ...], **given: Any) -> int:
    """Find wrong readouts in Python code and notebooks: the wrong token taken for a sequence. Needs no torch.

    \b
    archtrace check                     the current folder
    archtrace check src/ train.py --fix
    archtrace explain AT001             what a code means, and what to write instead

    Exit 0: clean. 1: findings. 2: could not run.
    """
    chosen = _chosen(select, ignore, given["baseline"])
    names = list(sources(files or ["."], chosen))
    missing = [name for name in names if not Path(name).exists()]
    mended = [finding for name in names for finding in _fixed(name, chosen)] if given["fix"] else []
    found = run([name for name in names if name not in missing], chosen, cached=not given["no_cache"])
    told = replace_found(found, mended, [_absence(name) for name in missing])
    told = _against_baseline(told, chosen, names, update=given["update_baseline"])
    sys.stdout.write(encodable(formats.load(given["style"]).render(told, chosen), sys.stdout))
    _summary(told, quiet=given["quiet"], statistics=given["statistics"])
    return FAILED if told.failures else FINDINGS if told.findings else CLEAN


def _chosen(select: tuple[str, ...], ignore: tuple[str, ...], baseline: Path | None) -> Settings:
    """The project's settings under what the command line says."""
    base = settings(Path.cwd())
    return replace(
        base, select=select or base.select, ignore=(*base.ignore, *ignore), baseline=baseline or base.baseline
    )


def _fixed(name: str, chosen: Settings) -> list[Finding]:
    from archtrace_reports.check.one import fix_file

    return list(fix_file(name, chosen)) if name.endswith((".py", ".pyi")) and Path(name).exists() else []


def replace_found(found: Found, mended: list[Finding], failures: list[str]) -> Found:
    """What was found, with what was mended and what could not be run."""
    return found._replace(failures=tuple(failures), fixed=len(mended))


def _absence(name: str) -> str:
    return "stdin is not read; give a file or a folder" if name == "-" else f"there is no file {name}"


def _against_baseline(found: Found, chosen: Settings, names: list[str], *, update: bool) -> Found:
    if update and chosen.baseline is None:
        raise TargetError("--update-baseline needs a file: give --baseline FILE, or baseline in [tool.archtrace]")
    if chosen.baseline is None:
        return found
    from archtrace_reports.check.baseline import fresh, kept

    problem = trouble(chosen.baseline) if update else None
    if problem:
        raise TargetError(problem)
    if update:
        kept(chosen.baseline, found.findings, chosen, names)
        return found._replace(findings=())
    left, stale = fresh(chosen.baseline, found.findings, chosen, names)
    return found._replace(findings=tuple(left), stale=stale)


def _summary(found: Found, *, quiet: bool, statistics: bool) -> None:
    """What could not be run is said to the quiet too, and statistics to those who asked for them."""
    for failure in found.failures:
        _say(f"archtrace: {failure}")
    if not quiet:
        for line in _told(found):
            _say(f"archtrace: {line}")
    if statistics:
        _statistics(found)


def _told(found: Found) -> Iterator[str]:
    number, files = len(found.findings), len({finding.path for finding in found.findings})
    told = f"{_count(number, 'finding')} in {_count(files, 'file')}" if number else "clean"
    mended = f", {found.fixed} mended" if found.fixed else ""
    if found.files or found.failures:
        yield f"{told} ({_count(found.files, 'file')} checked{mended})"
    else:
        yield "there is no Python file to check"
    if found.stale:
        noun = "entry" if found.stale == 1 else "entries"
        yield f"the baseline has {found.stale:,} stale {noun}: nothing is found there now; --update-baseline drops them"


def _statistics(found: Found) -> None:
    """How many of each code, the most frequent first."""
    names = dict(known())
    counts = Counter(finding.code for finding in found.findings)
    for code, number in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        _say(f"{number:5} {code} {names.get(code, '')}".rstrip())


def _say(line: str) -> None:
    click.echo(encodable(clean(line), sys.stderr), err=True)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
