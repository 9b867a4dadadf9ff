"""Flags that people know from ruff: what --fix would change, exit codes, stdin, and excluding what is named."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from check_runs import FIXABLE, RIGHT, WRONG, check

from archtrace_reports.check.codes import known

Ask = Callable[..., Any]
Pipe = Callable[..., Any]


@pytest.fixture
def pipe(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> Pipe:
    """Run `archtrace check` with this in stdin."""

    def piped(data: bytes | str, *arguments: str) -> Any:
        sent = data.encode() if isinstance(data, str) else data
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(sent)))
        return ask("check", *arguments)

    return piped


def test_what_can_be_mended_is_marked_and_counted(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(FIXABLE)
    (tmp_path / "b.py").write_text(WRONG)
    answer = ask("check")
    first, second = answer.out.splitlines()
    assert first.startswith("a.py:5:22: AT001 [*] `")
    assert second.startswith("b.py:2:22: AT001 `")
    assert answer.err == (
        "archtrace: 2 findings in 2 files (2 files checked)\narchtrace: [*] 1 can be fixed with --fix\n"
    )


def test_a_diff_is_what_fix_writes(ask: Ask, tmp_path: Path) -> None:
    """The program `patch` makes of it what --fix makes, line ends and all; until then nothing is written."""
    files = {"a.py": FIXABLE, "b.py": f"{FIXABLE}# no end", "sub/c.py": FIXABLE.replace("\n", "\r\n"), "d.py": RIGHT}
    for folder in ("here", "there"):
        for name, text in files.items():
            (tmp_path / folder / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / folder / name).write_bytes(text.encode())
    here, there = tmp_path / "here", tmp_path / "there"
    answer = ask("check", "--diff", at=here)
    assert (answer.code, answer.err) == (1, "archtrace: --fix would fix 3 findings (4 files checked)\n")
    assert {name: (here / name).read_bytes().decode() for name in files} == files
    patch = shutil.which("patch")
    assert patch, "the program patch is needed: apt-get install patch"
    subprocess.run([patch, "--binary", "-s", "-p0"], cwd=there, input=answer.out.encode(), check=True)
    assert ask("check", "--fix", at=here).code == 0
    assert all((here / name).read_bytes() == (there / name).read_bytes() for name in files)
    assert (there / "a.py").read_text() != FIXABLE
    after = ask("check", "--diff", at=here)
    assert (after.code, after.out) == (0, "")
    assert after.err == "archtrace: --fix would change nothing (4 files checked)\n"


def test_exit_zero(ask: Ask, tmp_path: Path) -> None:
    """Findings are no failure then; what could not be run is one still."""
    (tmp_path / "a.py").write_text(FIXABLE)
    assert ask("check", "--exit-zero").code == 0
    assert ask("check", "--exit-zero").out.startswith("a.py:5:22: AT001")
    assert ask("check", "--exit-zero", "--diff").code == 0
    assert ask("check", "--exit-zero", "gone.py").code == 2


def test_stdin_has_the_name_that_is_given(pipe: Pipe, tmp_path: Path) -> None:
    assert pipe(WRONG, "-").out.startswith("-:2:22: AT001 ")
    named = ("-", "--stdin-filename", "src/a.py")
    assert pipe(WRONG, *named).out.startswith("src/a.py:2:22: AT001 ")
    (tmp_path / "pyproject.toml").write_text('[tool.archtrace.per-file-ignores]\n"src/*" = ["AT001"]\n')
    assert pipe(WRONG, *named).code == 0
    notebook = json.dumps({"cells": [{"cell_type": "code", "source": WRONG}]})
    assert pipe(notebook, "-", "--stdin-filename", "n.ipynb").out.startswith("n.ipynb:cell 1:2:22: AT001 ")
    assert pipe("x = (1\n", "-").out.startswith("-:1:5: AT000 ")


@pytest.mark.parametrize("coding", ["utf-8", "latin-1"])
def test_fix_hands_on_what_came_through_stdin(pipe: Pipe, coding: str, tmp_path: Path) -> None:
    """Byte by byte what --fix writes into a file; what is left goes to stderr, at its line in that."""
    text = f"# coding: {coding}\n{FIXABLE}".replace("\n", "\r\n") + f"# é\n{WRONG.replace('sum(1)', 'argmin(1)')}"
    file = tmp_path / "a.py"
    file.write_bytes(text.encode(coding))
    done = subprocess.run(
        [sys.executable, "-m", "archtrace_reports", "check", "-", "--fix"],
        cwd=tmp_path,
        input=file.read_bytes(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(b"-:11:22: AT002 ")
    assert check(tmp_path, "--fix").returncode == 1
    assert done.stdout == file.read_bytes()
    assert b"argmax" in done.stdout


def test_stdin_as_a_diff(pipe: Pipe) -> None:
    answer = pipe(FIXABLE, "-", "--diff", "--stdin-filename", "a.py")
    assert answer.code == 1
    assert answer.out.startswith("--- a.py\n+++ a.py\n@@ ")
    assert pipe(RIGHT, "-", "--diff").code == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("-", "a.py"), "- is what comes through stdin, and stands for itself: give no other file beside it"),
        (("--stdin-filename", "a.py"), "--stdin-filename names what comes through stdin: give - as the file"),
        (("--update", "--diff"), "--update writes contracts, which --diff leaves out: give one of both"),
        (("--update", "-"), "--update writes contracts, which stdin leaves out: give one of both"),
        (
            ("--only", "contracts", "-"),
            "--only contracts leaves the source out, which stdin is about: give one of both",
        ),
    ],
)
def test_what_contradicts_itself_is_refused(pipe: Pipe, arguments: tuple[str, ...], told: str) -> None:
    answer = pipe(WRONG, *arguments)
    assert (answer.code, answer.out, answer.err) == (2, "", f"archtrace: {told}\n")


@pytest.mark.parametrize("pattern", ["old", "src/old", "src/old/a.py", "*/old/*", "a.py"])
def test_what_is_excluded_is_passed_over_even_where_it_is_named(
    ask: Ask, pipe: Pipe, pattern: str, tmp_path: Path
) -> None:
    """As pre-commit names it. Without --force-exclude a file that is named is checked, as ruff does."""
    (tmp_path / "pyproject.toml").write_text(f"[tool.archtrace]\nexclude = ['{pattern}']\n")
    (tmp_path / "src" / "old").mkdir(parents=True)
    (tmp_path / "src" / "old" / "a.py").write_text(WRONG)
    (tmp_path / "src" / "b.py").write_text(WRONG)
    walked = ask("check").out
    assert [line.split(":")[0] for line in walked.splitlines()] == ["src/b.py"]
    named = ("check", "src/old/a.py", "src/b.py")
    assert ask(*named, "--force-exclude").out == walked
    assert ask(*named).out.count("AT001") == 2
    assert ask("check", "a.py", "../b.py", "--force-exclude", at=tmp_path / "src" / "old").out.count("AT001") == 1
    given = ("-", "--stdin-filename", "src/old/a.py", "--force-exclude")
    assert pipe(WRONG, *given).code == 0
    assert pipe(FIXABLE, *given, "--fix").out == FIXABLE


def test_per_file_ignores_hold_for_what_is_named(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.archtrace.per-file-ignores]\n"tests/*" = ["AT001"]\n')
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "a.py").write_text(WRONG)
    for arguments, folder in (((), tmp_path), (("tests/a.py",), tmp_path), (("a.py",), tmp_path / "tests")):
        assert ask("check", *arguments, at=folder).code == 0


def test_what_nobody_walks_into_is_excluded_too(ask: Ask, tmp_path: Path) -> None:
    """Builds and environments, which pre-commit would name where they are committed."""
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "a.py").write_text(WRONG)
    assert ask("check", "build/a.py", "--force-exclude").code == 0
    assert ask("check", "build", "--force-exclude").code == 0
    assert ask("check", "build/a.py").code == 1


@pytest.mark.parametrize("text", ["AT003", "at003", "AT03", "at3", "3", "pad-equals-eos", "PAD_EQUALS_EOS"])
def test_explain_takes_codes_as_people_write_them(ask: Ask, text: str) -> None:
    answer = ask("explain", text)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("AT003 pad-equals-eos\n")


def test_a_misspelt_code_is_guessed(ask: Ask) -> None:
    for code, name in known():
        assert ask("explain", name).out.startswith(f"{code} {name}\n")
        assert (
            ask("explain", name[:-1]).err == f"archtrace: there is no rule {name[:-1].upper()}; did you mean {code}?\n"
        )
    assert ask("check", "--select", "AT03").err.endswith("there is no code AT03; did you mean AT003?\n")
