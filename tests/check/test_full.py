"""The full format: code with the steps that led to a finding, each marked where it stands."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from check_runs import environment

Ask = Callable[..., Any]

FLOW = """import torch


def pool(hidden_states, attention_mask):
    last = attention_mask.sum(1) - 1
    # the last
    # token
    last = last.to("cpu")
    return hidden_states[torch.arange(8), last]
"""


def test_a_finding_shows_its_way(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(FLOW)
    answer = ask("check", "--output-format", "full")
    assert answer.code == 1
    assert answer.out == (
        "AT001 [*] `attention_mask.sum(1) - 1` is the last token only if padded right; find the last non-pad\n"
        " --> a.py:5:12\n"
        "  |\n"
        "4 | def pool(hidden_states, attention_mask):\n"
        "  |                         -------------- `attention_mask` comes in\n"
        "5 |     last = attention_mask.sum(1) - 1\n"
        "  |            ^^^^^^^^^^^^^^^^^^^^^^^^^ becomes the index\n"
        "...\n"
        '8 |     last = last.to("cpu")\n'
        "  |     --------------------- passed on as `last`\n"
        "9 |     return hidden_states[torch.arange(8), last]\n"
        "  |            ------------------------------------ read at that index\n"
        "  |\n"
        "help: --fix writes (torch.arange(attention_mask.shape[-1], device=attention_mask.device) * "
        "attention_mask.bool()).argmax(-1)\n\n"
    )


def test_one_line_is_marked_for_each_of_its_steps(ask: Ask, tmp_path: Path) -> None:
    """Wide characters take two columns, tabs four, and what a terminal would obey none."""
    name = "隠れ\u200d"
    source = f'def f(hidden_states, attention_mask):\n\t"{name}"; return hidden_states[:, attention_mask.sum(1) - 1]\n'
    (tmp_path / "a.py").write_text(source, "utf-8")
    lines = ask("check", "--output-format", "full").out.split("\n")
    assert lines[5:8] == [
        '2 |     "隠れ"; return hidden_states[:, attention_mask.sum(1) - 1]',
        f"  | {' ' * 36}{'^' * 25} becomes the index",
        f"  | {' ' * 19}{'-' * 43} read at that index",
    ]


def test_what_spans_lines_is_marked_on_each(ask: Ask, tmp_path: Path) -> None:
    source = "def f(logits, attention_mask):\n    return logits[:, (\n        attention_mask.sum(1)\n        - 1)]\n"
    (tmp_path / "a.py").write_text(source)
    lines = ask("check", "--output-format", "full").out.split("\n")
    assert lines[5:11] == [
        "2 |     return logits[:, (",
        "  |            ----------- read at that index",
        "3 |         attention_mask.sum(1)",
        "  |         ^^^^^^^^^^^^^^^^^^^^^",
        "4 |         - 1)]",
        "  |         ^^^ becomes the index",
    ]


def test_a_long_line_is_cut_around_the_mark(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(f"x = {'1 + ' * 300}1  # noqa: AT001 {'x' * 300}\n")
    lines = ask("check", "--output-format", "full").out.split("\n")
    assert len(lines[3]) == len("1 | ") + 200
    start = lines[4].index("^")
    assert lines[3][start:].startswith("# noqa: AT001 ")
    assert lines[4] == "  | " + " " * 60 + "^" * len("# noqa: AT001")


@pytest.mark.parametrize(("source", "code"), [("x = (1\n", "AT000"), ("x = 1  # noqa: AT001\n", "AT099")])
def test_codes_of_the_check_itself_show_their_line(ask: Ask, source: str, code: str, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(source)
    first, _, _, line, mark, _, told, *_ = ask("check", "--output-format", "full").out.split("\n")
    assert first.startswith(f"{code} ")
    assert line == f"1 | {source.rstrip()}"
    assert "^" in mark
    assert told == f"help: archtrace explain {code} tells why, and what to write instead"


def test_bytes_that_are_no_text_have_no_line(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"x = '\xff'\n")
    assert ask("check", "--output-format", "full").out.split("\n")[1:3] == [
        " --> a.py:1:6",
        "help: archtrace explain AT000 tells why, and what to write instead",
    ]


def test_steps_in_another_cell_stand_below_its_name(ask: Ask, tmp_path: Path) -> None:
    cells = [
        "def ends(attention_mask):\n    return attention_mask.sum(1) - 1\n",
        "# pooled\n\npooled = logits[:, ends(attention_mask)]\n",
    ]
    found = {"cells": [{"cell_type": "code", "source": source} for source in cells]}
    (tmp_path / "n.ipynb").write_text(json.dumps(found))
    out = ask("check", "--output-format", "full").out
    assert " --> n.ipynb:cell 1:2:12\n" in out
    assert " ::: n.ipynb:cell 2\n  |\n3 | pooled = logits[:, ends(attention_mask)]\n" in out
    (finding,) = json.loads(ask("check", "--output-format", "json").out)["findings"]
    assert [(step["cell"], step["line"]) for step in finding["steps"]] == [(1, 1), (1, 2), (2, 3), (2, 3)]


def test_a_kept_answer_shows_the_same(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many files are kept in the cache, with all that a finding holds."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "src").mkdir()
    for number in range(100):
        (tmp_path / "src" / f"{number}.py").write_text("x = 1\n")
    (tmp_path / "src" / "a.py").write_text(FLOW)
    for style in ("full", "sarif", "json"):
        fresh, kept = (ask("check", "src", "--output-format", style, *more).out for more in (["--no-cache"], []))
        assert "becomes the index" in kept
        assert fresh == kept


def test_full_on_a_terminal_concise_elsewhere(tmp_path: Path) -> None:
    """And in colour there, unless NO_COLOR says otherwise."""
    (tmp_path / "a.py").write_text(FLOW)
    told = {}
    for colour in ("", "1"):
        leader, follower = pty.openpty()
        command = [sys.executable, "-m", "archtrace_reports", "check", "-q"]
        env = environment(tmp_path) | {"NO_COLOR": colour, "TERM": "xterm"}
        done = subprocess.run(command, cwd=tmp_path, env=env, stdout=follower, stderr=subprocess.PIPE, check=False)
        assert (done.returncode, done.stderr) == (1, b"")
        told[colour] = os.read(leader, 10_000).decode().replace("\r\n", "\n")
        os.close(leader)
        os.close(follower)
    assert told["1"].startswith("AT001 [*] `attention_mask.sum(1) - 1` is")
    assert "\n --> a.py:5:12\n" in told["1"]
    assert "\x1b[1;31mAT001" in told[""]
    piped = subprocess.run(
        command, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, check=False
    )
    assert piped.stdout.startswith("a.py:5:12: AT001 [*] ")
    assert piped.stdout.count("\n") == 1


def test_the_page_shows_what_is_printed(ask: Ask, tmp_path: Path) -> None:
    """The picture in docs/check.md."""
    page = (Path(__file__).parents[2] / "docs" / "check.md").read_text("utf-8")
    (picture,) = re.findall(r"<!-- made by archtrace (check .*) -->\n```console\n(.*?)```\n", page, re.DOTALL)
    (tmp_path / "pool.py").write_text(re.sub(r"(?s)    # the last.*?cpu\"\)\n", "", FLOW))
    assert ask(*picture[0].split()).out.rstrip() == picture[1].rstrip()
