"""Width: what --fix writes keeps to the project's line length, as ruff itself reads and measures it."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archtrace_reports.check.line_width import line_length

Ask = Callable[..., Any]

#: Each line is of at most 79 columns, and none but the last has room for what is written.
SOURCE = """import torch


class Pooler(torch.nn.Module):
    def forward(self, logits, attention_mask):
        last = attention_mask.sum(1) - 1
        return logits[torch.arange(8), last]

    def score(self, logits, ids):
        if ids is not None:
            last = ids.ne(self.config.text_config.pad_token_id).sum(dim=-1) - 1
            return logits[torch.arange(8), last]


def pool(logits, attention_mask):
    return logits[torch.arange(8), attention_mask.sum(1) - 1]


def short(logits, m):
    attention_mask = m
    i = (attention_mask.sum(1) - 1)
    return logits[torch.arange(8), i]
"""
SETTINGS = {
    "pyproject.toml": "[tool.ruff]\nline-length = {}\n",
    "ruff.toml": "line-length = {}\n",
    ".ruff.toml": "line-length = {}\n",
}


def too_long(folder: Path, *arguments: str) -> list[str]:
    """The lines that ruff calls too long."""
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--select", "E501", "--output-format", "concise"]
    done = subprocess.run([*command, *arguments, "."], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return [line for line in done.stdout.splitlines() if "E501" in line]


@pytest.mark.parametrize("length", [88, 100, 120])
@pytest.mark.parametrize("file", SETTINGS)
def test_no_line_is_longer_than_the_project_s(ask: Ask, file: str, length: int, tmp_path: Path) -> None:
    """The settings stand in a folder above."""
    (tmp_path / file).write_text(SETTINGS[file].format(length))
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").write_text(SOURCE)
    assert ask("check", "--fix").code == 0
    text = (tmp_path / "src" / "a.py").read_text()
    assert text.count(".argmax(-1)") == 4
    assert too_long(tmp_path) == []


@pytest.mark.parametrize(("table", "length"), [("[tool.black]", 88), ("[tool.ruff.lint]", 88), ("[tool.other]", 120)])
def test_a_project_that_names_no_length(ask: Ask, table: str, length: int, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(f"{table}\n")
    (tmp_path / "a.py").write_text(SOURCE)
    assert ask("check", "--fix").code == 0
    longest = max(map(len, (tmp_path / "a.py").read_text().splitlines()))
    assert length - 32 < longest <= length
    assert too_long(tmp_path, "--line-length", str(length)) == []


def test_what_is_broken_says_the_same(ask: Ask, tmp_path: Path) -> None:
    """Broken or not, the tree is one; and a line that fits is left whole."""
    trees = set()
    for length in (60, 88, 120, 300):
        (tmp_path / "ruff.toml").write_text(f"line-length = {length}\n")
        (tmp_path / f"{length}.py").write_text(SOURCE)
        line_length.cache_clear()
        assert ask("check", "--fix", f"{length}.py").code == 0
        trees.add(ast.dump(ast.parse((tmp_path / f"{length}.py").read_text())))
    assert len(trees) == 1
    assert (tmp_path / "300.py").read_text().count("\n") == SOURCE.count("\n")
    assert "        last = (\n            torch.arange(" in (tmp_path / "88.py").read_text()


@pytest.mark.parametrize("text", ["[tool", "[tool]\nruff = 1\n", "tool = 1\n", '[tool.ruff]\nline-length = "a"\n'])
def test_settings_that_cannot_be_read_are_for_ruff_to_tell(ask: Ask, text: str, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "pyproject.toml").write_text(text)
    (tmp_path / "src" / "a.py").write_text(SOURCE)
    assert ask("check", "--fix", "src").code == 0


def test_tabs_stay_tabs(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(SOURCE.replace("    ", "\t"))
    (tmp_path / "ruff.toml").write_text("line-length = 80\n")
    assert ask("check", "--fix").code == 0
    lines = (tmp_path / "a.py").read_text().split("\n")
    assert "\t\tlast = (" in lines
    assert all(not line.startswith(" ") for line in lines)


def test_windows_lines_stay_windows_lines(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(SOURCE.replace("\n", "\r\n").encode())
    (tmp_path / "ruff.toml").write_text("line-length = 80\n")
    assert ask("check", "--fix").code == 0
    data = (tmp_path / "a.py").read_bytes()
    assert data.count(b"\r\n") == data.count(b"\n") > SOURCE.count("\n")
