"""check: wrong readouts in Python code, told as linters tell them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import click

from archtrace.errors import TargetError
from archtrace_reports.check import formats
from archtrace_reports.check.finding import Finding, Found, shown
from archtrace_reports.check.run import run
from archtrace_reports.check.settings import Settings, codes, settings
from archtrace_reports.check.sources import sources

CLEAN, FINDINGS, FAILED = 0, 1, 2


def _codes(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    return codes(values, f"--{option.name}")


@click.command("check", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("files", nargs=-1, metavar="[FILE|FOLDER]...")
@click.option("--select", multiple=True, metavar="CODES", callback=_codes, help="Tell these codes alone; AT is all.")
@click.option("--ignore", multiple=True, metavar="CODES", callback=_codes, help="Do not tell these codes.")
@click.option("--output-format", "style", type=click.Choice(formats.NAMES), default="text", help="How to tell.")
@click.option("--fix", is_flag=True, help="Mend what can be mended safely (AT001, AT002).")
@click.option("--baseline", type=click.Path(), metavar="FILE", help="Do not tell what this file knows.")
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
    failures: list[str] = []
    names = list(dict.fromkeys(sources(files or ["."], chosen, failures.append)))
    mended = list(_mended(names, chosen, failures.append)) if given["fix"] else []
    found = run(names, chosen, cached=not given["no_cache"])
    told = found._replace(failures=tuple(failures), fixed=len(mended))
    told = _against_baseline(told, chosen, update=given["update_baseline"])
    _write(formats.load(given["style"]).render(told, chosen))
    if not given["quiet"]:
        _summary(told, statistics=given["statistics"])
    return FAILED if told.failures else FINDINGS if told.findings else CLEAN


def _write(text: str) -> None:
    if text:
        from archtrace_reports.files import write

        write(text, None)


def _chosen(select: tuple[str, ...], ignore: tuple[str, ...], baseline: str | None) -> Settings:
    """The project's settings under what the command line says."""
    base = settings(os.getcwd())
    return base._replace(
        select=select or base.select, ignore=(*base.ignore, *ignore), baseline=baseline or base.baseline
    )


def _mended(names: Iterable[str], chosen: Settings, fail: Callable[[str], None]) -> Iterator[Finding]:
    """What could be mended in these files; one that cannot be written keeps no other from it."""
    from archtrace_reports.check.fix import fix_file

    for name in names:
        try:
            yield from fix_file(name, chosen) if name.endswith((".py", ".pyi")) else ()
        except OSError as error:
            fail(f"{name} cannot be mended: {error.strerror or error}; it is as it was")


def _against_baseline(found: Found, chosen: Settings, *, update: bool) -> Found:
    if update and chosen.baseline is None:
        raise TargetError("--update-baseline needs a file: give --baseline FILE, or baseline in [tool.archtrace]")
    if chosen.baseline is None:
        return found
    from pathlib import Path

    from archtrace_reports.check.baseline import fresh, kept

    file = Path(chosen.baseline)
    if update:
        kept(file, found.findings, chosen.root)
        return found._replace(findings=())
    return found._replace(findings=tuple(fresh(file, found.findings, chosen.root)))


def _summary(found: Found, *, statistics: bool) -> None:
    number, files = len(found.findings), len({finding.path for finding in found.findings})
    told = f"{_count(number, 'finding')} in {_count(files, 'file')}" if number else "clean"
    mended = f", {found.fixed} mended" if found.fixed else ""
    if found.failures:
        _tell(found.failures)
    click.echo(f"archtrace: {told} ({_count(found.files, 'file')} checked{mended})", err=True)
    if statistics:
        codes = sorted({finding.code for finding in found.findings})
        for code in codes:
            click.echo(f"{sum(f.code == code for f in found.findings):5} {code}", err=True)


def _tell(failures: Iterable[str]) -> None:
    from archtrace_reports.clean import clean

    for failure in failures:
        click.echo(f"archtrace: {clean(shown(failure))}", err=True)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
