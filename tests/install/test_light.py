"""The plain package, installed for real without extras: the source rules work, and tracing says what it lacks."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path

import pytest

from .conftest import RIGHT, WRONG, do, run


def archtrace(light: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the installed command, with a cache of its own."""
    return run(light / "archtrace", *arguments, cwd=folder, XDG_CACHE_HOME=folder / "cache")


def test_nothing_heavy_is_installed_or_required(light: Path, tmp_path: Path, heavy: set[str]) -> None:
    code = "import importlib.metadata as m; print(*(d.metadata['Name'] for d in m.distributions()))"
    installed = set(do(light / "python", "-c", code, cwd=tmp_path).lower().replace("-", "_").split())
    assert not installed & heavy
    code = "import importlib.metadata as m; print(*(r for r in m.requires('archtrace') if 'extra ==' not in r))"
    required = do(light / "python", "-c", code, cwd=tmp_path)
    assert not {name for name in heavy if name in required}


@pytest.mark.parametrize(
    "asked",
    ["--help", "--version", "check --help", "diff --help", "explain --help", "explain", "explain AT001"],
)
def test_what_needs_no_trace_answers(asked: str, light: Path, tmp_path: Path) -> None:
    done = archtrace(light, tmp_path, *asked.split())
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout) > 50


@pytest.mark.parametrize("style", ["text", "json", "sarif", "github"])
def test_check_answers_in_every_format(style: str, light: Path, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(RIGHT)
    assert archtrace(light, tmp_path, "check", "--only", "source", "--output-format", style).returncode == 0
    (tmp_path / "n.ipynb").write_text(json.dumps({"cells": [{"cell_type": "code", "source": WRONG}]}))
    done = archtrace(light, tmp_path, "check", "--only", "source", "--output-format", style)
    assert done.returncode == 1
    assert "AT001" in done.stdout
    assert done.stderr == "archtrace: 1 finding in 1 file (2 files checked)\n"


def test_check_mends(light: Path, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import torch\n\n\n" + WRONG)
    assert archtrace(light, tmp_path, "check", "--only", "source", "--fix").returncode == 0
    assert "sum(1)" not in (tmp_path / "a.py").read_text()


def test_check_keeps_a_cache_of_many_files(light: Path, tmp_path: Path) -> None:
    for number in range(101):
        (tmp_path / f"m{number}.py").write_text(WRONG if number == 50 else RIGHT)
    for _ in range(2):
        done = archtrace(light, tmp_path, "check", "--only", "source")
        assert done.stderr == "archtrace: 1 finding in 1 file (101 files checked)\n"
    assert list(tmp_path.glob("cache/archtrace/check/*.json"))


def test_errors_of_check_are_told(light: Path, tmp_path: Path) -> None:
    done = archtrace(light, tmp_path, "check", "missing.py")
    assert done.returncode == 2
    assert "there is no file missing.py" in done.stderr
    (tmp_path / "pyproject.toml").write_text("[tool.archtrace\n")
    assert on_terminal([light / "archtrace", "check"], tmp_path).startswith("archtrace: ")


def on_terminal(command: list[str | Path], folder: Path) -> str:
    """What a command that must fail says where stderr is a terminal."""
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as screen:
        code = subprocess.run(command, cwd=folder, stderr=theirs, check=False, timeout=60).returncode
        os.close(theirs)
        assert code == 2
        return screen.read(10_000).decode().replace("\r\n", "\n")


TOLD = """\
archtrace: tracing needs packages that are not installed
  where: {prefix}
  why: no torch, transformers, huggingface_hub, networkx, numpy, rich, jinja2, markupsafe, cattrs, graphviz here; \
archtrace without its extra `trace` is the source rules of check alone
  do: pip install 'archtrace[trace]'
"""


@pytest.mark.parametrize(
    "asked",
    [
        "bert-base-uncased",
        "diff a b",
        "diff a.json b.json",
        "--all",
        "bert --isolate",
        "bert -o bert.html",
        "x.py:Y",
        "atlas -o new",
    ],
)
def test_tracing_says_what_it_lacks(asked: str, light: Path, tmp_path: Path) -> None:
    done = archtrace(light, tmp_path, *asked.split())
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == TOLD.format(prefix=light.parent)
    assert not list(tmp_path.iterdir())


def test_a_contract_says_what_it_lacks_and_the_source_rules_go_on(light: Path, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(WRONG)
    (tmp_path / "pyproject.toml").write_text('[tool.archtrace.models.mine]\ntarget = "a:Model"\n')
    assert archtrace(light, tmp_path, "check", "--only", "source").returncode == 1
    done = archtrace(light, tmp_path, "check")
    assert done.returncode == 2
    assert done.stdout.startswith("a.py:2:22: AT001 ")
    assert "archtrace: pyproject.toml:2: mine: tracing needs packages that are not installed\n" in done.stderr
    assert "do: pip install 'archtrace[trace]'" in done.stderr


def test_it_says_so_on_a_terminal_too(light: Path, tmp_path: Path) -> None:
    assert on_terminal([light / "archtrace", "bert"], tmp_path) == TOLD.format(prefix=light.parent)


@pytest.mark.parametrize("name", ["trace", "Trace", "View"])
def test_python_says_what_it_lacks(name: str, light: Path, tmp_path: Path) -> None:
    code = f"try:\n    from archtrace import {name}\nexcept ImportError as error:\n    print(error)"
    told = do(light / "python", "-c", code, cwd=tmp_path).splitlines()
    assert told[0] == "tracing needs packages that are not installed"
    assert told[-1] == "  do: pip install 'archtrace[trace]'"
    done = run(light / "python", "-c", "import archtrace; archtrace.trace('x')", cwd=tmp_path)
    assert "MissingError: tracing needs packages" in done.stderr
