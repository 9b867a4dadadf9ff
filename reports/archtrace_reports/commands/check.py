"""check: wrong readouts in Python code and in declared models, reported as linters do."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from archtrace.errors import TargetError
from archtrace_reports.check import formats
from archtrace_reports.check.codes import codes
from archtrace_reports.check.problem import CheckResult
from archtrace_reports.check.settings import Settings, settings
from archtrace_reports.check.source_rules import STDIN, SourceCheck, check_sources
from archtrace_reports.check.summary import say, summary
from archtrace_reports.commands import completion
from archtrace_reports.commands.group import quiet

CLEAN, FINDINGS, FAILED = 0, 1, 2

#: The parts of a check: rules over source files; contracts that a project declares for its models.
PARTS = ("source", "contracts")


def _codes(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    return codes(values, f"--{option.name}")


@click.command("check", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("files", nargs=-1, metavar="[FILE|FOLDER|-]...")
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
@click.option("--fix", is_flag=True, help="Fix what can be fixed safely: what is marked [*].")
@click.option("--diff", is_flag=True, help="Show what --fix would change, and write nothing; exit 1 where it would.")
@click.option("--exit-zero", is_flag=True, help="Exit 0 also where there are findings.")
@click.option("--stdin-filename", metavar="FILE", help="The name of what comes through stdin, where the file is -.")
@click.option("--force-exclude", is_flag=True, help="Pass over what the settings exclude, even where it is named.")
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
    archtrace check src/ --diff         what --fix would change
    archtrace check - --stdin-filename src/model.py < buffer
    archtrace check --only contracts    the declared models alone
    archtrace check --update            write down what they read
    archtrace explain AT001             what a code means, and what to do

    Exit 0: clean. 1: findings. 2: could not run.
    """
    _refuse(files, given)
    chosen = _chosen(select, ignore, given["baseline"])
    given["only"] = "source" if _source_alone(files, given) else given["only"]
    outcome = SourceCheck(CheckResult((), 0)) if given["only"] == "contracts" else check_sources(files, chosen, given)
    result = outcome.result
    if chosen.models or given["update"]:
        result = _with_contracts(result, chosen, given)
    _write(outcome, formats.load(given["style"]).render(result, chosen) if not given["diff"] else outcome.diff)
    summary(result, quiet=given["quiet"], statistics=given["statistics"], diff=given["diff"])
    has_findings = result.findings or (given["diff"] and result.fixed)
    return FAILED if result.failures else FINDINGS if has_findings and not given["exit_zero"] else CLEAN


def _source_alone(files: tuple[str, ...], given: dict[str, Any]) -> str:
    """The option that leaves contracts out, if one does: --diff and stdin are about source."""
    reasons = {"--only source": given["only"] == "source", "--diff": given["diff"], "stdin": STDIN in files}
    return next((option for option, is_given in reasons.items() if is_given), "")


def _refuse(files: tuple[str, ...], given: dict[str, Any]) -> None:
    """Options that contradict each other."""
    source_option = _source_alone(files, given)
    if source_option and given["update"]:
        raise TargetError(f"--update writes contracts, which {source_option} leaves out: give one of both")
    if source_option and given["only"] == "contracts":
        raise TargetError(f"--only contracts leaves the source out, which {source_option} is about: give one of both")
    if given["stdin_filename"] and STDIN not in files:
        raise TargetError("--stdin-filename names what comes through stdin: give - as the file")


def _chosen(select: tuple[str, ...], ignore: tuple[str, ...], baseline: str | None) -> Settings:
    """The project's settings under what the command line says."""
    base = settings(os.getcwd())
    return base._replace(
        select=select or base.select, ignore=(*base.ignore, *ignore), baseline=baseline or base.baseline
    )


def _with_contracts(result: CheckResult, chosen: Settings, given: dict[str, Any]) -> CheckResult:
    """The result with the findings of the contracts, unless the source rules alone were asked for."""
    from archtrace_reports.check.contracts.merged_findings import merge_findings

    if given["only"] == "source":
        return merge_findings(result, None)
    from archtrace_reports.check.contracts.check_contracts import check_contracts
    from archtrace_reports.text.look import on_terminal

    if not chosen.models:
        raise TargetError("--update finds no contract: declare one as [tool.archtrace.models.NAME] with a target")
    shown = on_terminal() and not given["quiet"]
    contract_result = check_contracts(chosen, cached=not given["no_cache"], update=given["update"], shown=shown)
    for line in () if given["quiet"] else contract_result.updated:
        say(f"archtrace: wrote {line}")
    return merge_findings(result, contract_result)


def _write(outcome: SourceCheck, text: str) -> None:
    """The answer, on stdout; where that is for the source that came through stdin, on stderr."""
    if outcome.source is not None:
        sys.stdout.buffer.write(outcome.source)
        sys.stdout.flush()
    if text:
        from archtrace_reports.text.files import encodable, write

        write(text, None) if outcome.source is None else click.echo(encodable(text, sys.stderr), err=True, nl=False)
