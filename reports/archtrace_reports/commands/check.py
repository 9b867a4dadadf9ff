"""check: wrong readouts in Python code and in declared models, told as linters tell them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import click

from archtrace.errors import TargetError
from archtrace_reports import completion
from archtrace_reports.check import formats
from archtrace_reports.check.codes import codes
from archtrace_reports.check.finding import Finding, Found
from archtrace_reports.check.run import run
from archtrace_reports.check.settings import Settings, settings
from archtrace_reports.check.sources import sources
from archtrace_reports.check.summary import say, summary
from archtrace_reports.group import quiet

CLEAN, FINDINGS, FAILED = 0, 1, 2

#: The parts of a check: rules over source files; contracts that a project declares for its models.
PARTS = ("source", "contracts")


def _codes(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    return codes(values, f"--{option.name}")


@click.command("check", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("files", nargs=-1, metavar="[FILE|FOLDER]...")
@click.option("--only", type=click.Choice(PARTS), help="Run one part: source needs no torch.  [default: both]")
@click.option(
    "--select",
    multiple=True,
    metavar="CODES",
    callback=_codes,
    shell_complete=completion.codes,
    help="Tell these codes alone; AT is all.",
)
@click.option(
    "--ignore",
    multiple=True,
    metavar="CODES",
    callback=_codes,
    shell_complete=completion.codes,
    help="Do not tell these codes.",
)
@click.option("--output-format", "style", type=click.Choice(formats.NAMES), default="text", help="How to tell.")
@click.option("--fix", is_flag=True, help="Mend what can be mended safely (AT001, AT002).")
@click.option("--baseline", type=click.Path(), metavar="FILE", help="Do not tell what this file knows.")
@click.option("--update-baseline", is_flag=True, help="Write all findings to the baseline, and tell none.")
@click.option("--statistics", is_flag=True, help="Count findings by code on stderr.")
@click.option("--update", is_flag=True, help="Write into the contracts what the models hold, and tell the rest.")
@click.option("--no-cache", is_flag=True, help="Check every file and contract again.")
@quiet
def command(files: tuple[str, ...], select: tuple[str, ...], ignore: tuple[str, ...], **given: Any) -> int:
    """Find wrong readouts, the wrong token taken for a sequence, in two ways.

    In Python code and notebooks, by rules that need no torch; and in the models that pyproject.toml declares
    ([tool.archtrace.models.NAME]), by tracing them and holding them to what it says that they read.

    \b
    archtrace check                     the current folder, and all contracts
    archtrace check src/ train.py --fix
    archtrace check --only contracts    the declared models alone
    archtrace check --update            write down what they read
    archtrace explain AT001             what a code means, and what to do

    Exit 0: clean. 1: findings. 2: could not run.
    """
    if given["update"] and given["only"] == "source":
        raise TargetError("--update writes contracts, which --only source leaves out: give one of both")
    chosen = _chosen(select, ignore, given["baseline"])
    told = Found((), 0) if given["only"] == "contracts" else _source(files, chosen, given)
    if chosen.models or given["update"]:
        told = _with_contracts(told, chosen, given)
    _write(formats.load(given["style"]).render(told, chosen))
    summary(told, quiet=given["quiet"], statistics=given["statistics"])
    return FAILED if told.failures else FINDINGS if told.findings else CLEAN


def _chosen(select: tuple[str, ...], ignore: tuple[str, ...], baseline: str | None) -> Settings:
    """The project's settings under what the command line says."""
    base = settings(os.getcwd())
    return base._replace(
        select=select or base.select, ignore=(*base.ignore, *ignore), baseline=baseline or base.baseline
    )


def _source(files: tuple[str, ...], chosen: Settings, given: dict[str, Any]) -> Found:
    """What the source rules say, but for what the baseline knows."""
    failures: list[str] = []
    names = list(sources(files or ["."], chosen, failures.append))
    mended = list(_mended(names, chosen, failures.append)) if given["fix"] else []
    found = run(names, chosen, cached=not given["no_cache"])
    found = found._replace(failures=tuple(failures), fixed=len(mended))
    return _against_baseline(found, chosen, names, update=given["update_baseline"])


def _mended(names: Iterable[str], chosen: Settings, fail: Callable[[str], None]) -> Iterator[Finding]:
    """What could be mended in these files; one that cannot be written keeps no other from it."""
    from archtrace_reports.check.fix import fix_file

    for name in names:
        try:
            yield from fix_file(name, chosen) if name.endswith((".py", ".pyi")) else ()
        except OSError as error:
            fail(f"{name} cannot be mended: {error.strerror or error}; it is as it was")


def _against_baseline(found: Found, chosen: Settings, names: list[str], *, update: bool) -> Found:
    if update and chosen.baseline is None:
        raise TargetError("--update-baseline needs a file: give --baseline FILE, or baseline in [tool.archtrace]")
    if chosen.baseline is None:
        return found
    from pathlib import Path

    from archtrace_reports.check.baseline import fresh, kept
    from archtrace_reports.files import trouble

    file = Path(chosen.baseline)
    problem = trouble(file) if update else None
    if problem:
        raise TargetError(problem)
    if update:
        kept(file, found.findings, chosen, names)
        return found._replace(findings=())
    left, stale = fresh(file, found.findings, chosen, names)
    return found._replace(findings=tuple(left), stale=stale)


def _with_contracts(told: Found, chosen: Settings, given: dict[str, Any]) -> Found:
    """With what holding the contracts says, unless the source rules alone were asked."""
    from archtrace_reports.contracts.join import join

    if given["only"] == "source":
        return join(told, None)
    from archtrace_reports.contracts.run import hold_all
    from archtrace_reports.look import on_terminal

    if not chosen.models:
        raise TargetError("--update finds no contract: declare one as [tool.archtrace.models.NAME] with a target")
    shown = on_terminal() and not given["quiet"]
    held = hold_all(chosen, cached=not given["no_cache"], update=given["update"], shown=shown)
    for line in () if given["quiet"] else held.updated:
        say(f"archtrace: wrote {line}")
    return join(told, held)


def _write(text: str) -> None:
    if text:
        from archtrace_reports.files import write

        write(text, None)
