"""A check as its users run it, in this process: a folder of its own for each test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from archtrace_reports.commands.cli import run


class Answer(NamedTuple):
    """What a command line came to."""

    code: int
    out: str
    err: str


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Run `archtrace` with these arguments, in a folder: the test's own where none is named."""

    def asked(*arguments: str, at: Path = tmp_path) -> Answer:
        monkeypatch.chdir(at)
        capsys.readouterr()
        code = run(arguments)
        return Answer(code, *capsys.readouterr())

    return asked
