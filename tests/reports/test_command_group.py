"""The group of commands: its help, commands and targets told apart, flags before the command, completion, modules."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from archtrace.answer.version import __version__
from archtrace_reports.commands import cli
from archtrace_reports.commands.group import COMMANDS, TARGETS

from .conftest import archtrace as run_archtrace
from .conftest import environment
from .stub_engine import Capture, engine

__all__ = ["engine"]


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)], ids=lambda words: " ".join(words) or "all")
def test_help_fits(command: tuple[str, ...]) -> None:
    done = run_archtrace("help", *command)
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert run_archtrace(*command, "--help").stdout == done.stdout


def test_help_shows_every_command_on_a_line_and_imports_none() -> None:
    done = run_archtrace("--help")
    assert all(f"  {name:9}{told}\n" in done.stdout for name, told in COMMANDS.items())
    assert all(name in done.stdout for name in TARGETS)
    code = (
        "import sys\nfrom archtrace_reports.commands import cli\ncli.run(['--help'])\n"
        f"print([name for name in {list(COMMANDS)} if f'archtrace_reports.commands.{{name}}' in sys.modules])"
    )
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment(), check=True)
    assert asked.stdout.endswith("\n[]\n")


@pytest.mark.parametrize("width", [40, 64, 80, 200])
def test_help_is_as_wide_as_it_may_be(width: int, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert cli.run(["--help"]) == 0
    widest = max(map(len, capsys.readouterr().out.splitlines()))
    assert min(width, 100) - 25 < widest <= min(width, 100)


def test_the_help_of_a_command_that_there_is_not(capsys: Capture) -> None:
    assert cli.run(["help", "docter"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(
        "archtrace: there is no command 'docter'\n  do: did you mean doctor? the commands are trace, "
    )


def test_no_target_is_help_on_stderr_and_2(capsys: Capture) -> None:
    for arguments, usage in (([], "TARGET... [OPTIONS]"), (["trace"], "trace [OPTIONS] TARGET...")):
        assert cli.run(arguments) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith(f"Usage: archtrace {usage}")


MISSPELT = {
    ("chekc", "my code"): "type archtrace check 'my code' for the command, or archtrace trace chekc 'my code' where",
    ("Docter", "bert"): "type archtrace doctor bert for the command",
    ("serve", "bert", "-q"): "type archtrace serving bert -q for the command",
    ("hlep",): "type archtrace help for the command",
}


@pytest.mark.parametrize("arguments", MISSPELT)
def test_a_misspelt_command_is_offered_beside_the_target(
    arguments: tuple[str, ...], capsys: Capture, engine: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"archtrace: there is no command {arguments[0]!r}, nor a file or model")
    assert MISSPELT[arguments] in err.replace("\n      ", " ")
    (tmp_path / arguments[0]).mkdir()  # now it may be meant
    cli.run([arguments[0]])
    assert f"unknown model {arguments[0]!r}" in capsys.readouterr().err
    cli.run(["trace", *arguments])
    assert "there is no command" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "target", ["bert", "BERT", "opt", "gpt2", "albert", "esm", "org/chekc", "no.such:chekc", "distill"]
)
def test_what_may_be_a_target_is_no_misspelt_command(target: str, capsys: Capture, engine: list[Any]) -> None:
    cli.run([target])
    assert "there is no command" not in capsys.readouterr().err


def test_flags_hold_before_the_command_as_behind_it(capsys: Capture, engine: list[Any]) -> None:
    for arguments in (
        ["-q", "bert"],
        ["--quiet", "trace", "bert"],
        ["trace", "bert", "-q"],
        ["-q", "trace", "-q", "bert"],
    ):
        assert cli.run(arguments) == 0
        assert capsys.readouterr().err == "noise from a model\n"
    for line in ("--debug broken", "trace broken --debug", "--debug doctor bert"):
        assert cli.run(line.split()) == 2
        assert "Traceback (most recent call last)" in capsys.readouterr().err
    assert cli.run(["-q", "explain", "AT001"]) == 0  # a flag that means nothing to a command is none of its business
    assert cli.run(["--quiet"]) == 2
    assert "Missing command" in capsys.readouterr().err


def test_a_defect_is_told_in_one_line_by_every_command(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise TypeError("what nobody foresaw")

    monkeypatch.setattr("archtrace_reports.commands.check.check_sources", broken)
    assert cli.run(["check"]) == 2
    assert capsys.readouterr().err == (
        "archtrace: archtrace failed with TypeError: what nobody foresaw (a defect: --debug shows where)\n"
    )
    assert cli.run(["--debug", "check"]) == 2
    assert "Traceback (most recent call last)" in capsys.readouterr().err


@pytest.mark.parametrize("module", ["archtrace", "archtrace_reports", "archtrace_reports.commands.cli"])
def test_it_runs_as_a_module(module: str) -> None:
    for arguments, code, start in (
        (["--version"], 0, f"archtrace {__version__}, torch "),
        (["explain", "AT001"], 0, "AT001 "),
    ):
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments], capture_output=True, text=True, env=environment(), check=False
        )
        assert (done.returncode, done.stderr) == (code, "")
        assert done.stdout.startswith(start)


#: What is typed, up to Tab -> some of what is offered, and what is not.
COMPLETED = {
    "archtrace ": ({"check", "diff", "doctor", "bert", "gpt2"}, {"--format"}),
    "archtrace do": ({"doctor"}, {"diff"}),
    "archtrace bert-base-u": ({"bert-base-uncased"}, {"bert"}),
    "archtrace answerdotai/M": ({"answerdotai/ModernBERT-base"}, {"bert"}),
    "archtrace --f": ({"--format"}, {"--config"}),
    "archtrace --q": ({"--quiet"}, {"--format"}),
    "archtrace bert --format ": ({"json", "markdown", "terminal"}, {"bert"}),
    "archtrace -q diff roberta-b": ({"roberta-base"}, {"bert"}),
    "archtrace doctor --conf": ({"--config-set"}, {"--config"}),
    "archtrace bert --head tok": ({"token-classification"}, {"masked-lm"}),
    "archtrace explain AT01": ({"AT010", "AT013"}, {"AT001"}),
    "archtrace help ch": ({"check"}, {"diff"}),
}


@pytest.mark.parametrize("line", COMPLETED)
def test_a_real_bash_completes(line: str, tmp_path: Path) -> None:
    wanted, unwanted = COMPLETED[line]
    (tmp_path / "archtrace").write_text(f'#!/bin/sh\nexec {sys.executable} -m archtrace_reports "$@"\n')
    (tmp_path / "archtrace").chmod(0o755)
    words = " ".join(f"'{word}'" for word in line.split(" "))
    script = (
        'eval "$(_ARCHTRACE_COMPLETE=bash_source archtrace)"\n'
        f"COMP_WORDS=({words})\nCOMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n"
        '_archtrace_completion archtrace\nprintf "%s\\n" "${COMPREPLY[@]}"'
    )
    path = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=environment() | path, check=True)
    offered = {*done.stdout.splitlines()}
    assert wanted <= offered
    assert not unwanted & offered


def test_completion_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom click.shell_completion import ShellComplete\n"
        "from archtrace_reports.commands.group import commands\n"
        "complete = ShellComplete(commands, {}, 'archtrace', '_X')\n"
        "for args, word in (([], ''), ([], 'ber'), (['bert', '--head'], ''), (['diff'], 'g'), (['explain'], 'AT')):\n"
        "    assert complete.get_completions(args, word), args\n"
        "print(sorted({'torch', 'transformers', 'numpy', 'networkx', 'rich'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment(), check=True)
    assert done.stdout == "[]\n"
