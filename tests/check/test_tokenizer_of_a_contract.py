"""A contract that names a tokenizer, held by the real command on a real checkpoint."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from checkpoints import saved

from archtrace.contract.contract import Contract
from archtrace.contract.verify import files_looked_up

ROOT = Path(__file__).parents[2]
CONTRACT = """\
[tool.archtrace.models.reviews]
target = "./reviews"
reads = "first"
dead_parameters = []
tokenizer = "reviews"
"""
#: Says as well whether it took an answer from the cache.
RUN = (
    "import sys; from archtrace_reports.commands.cli import run; code = run(['check', '--only', 'contracts', '-q']);"
    "print('torch' in sys.modules, file=sys.stderr); sys.exit(code)"
)


def check(folder: Path) -> tuple[int, str, str]:
    """Exit code, findings, and whether torch was imported."""
    roots = os.pathsep.join([str(ROOT / "tracer"), str(ROOT / "reports")])
    variables = os.environ | {"XDG_CACHE_HOME": str(folder / "cache"), "PYTHONPATH": roots, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", RUN], cwd=folder, env=variables, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr.splitlines()[-1]


def test_it_holds_is_kept_and_breaks(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(CONTRACT)
    saved("bert", tmp_path / "reviews")
    assert check(tmp_path) == (0, "", "True")
    assert check(tmp_path) == (0, "", "False")
    file = tmp_path / "reviews" / "tokenizer_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "padding_side": "left"}))
    code, out, fresh = check(tmp_path)
    assert (code, fresh) == (1, "True")
    assert out.startswith("pyproject.toml:5:1: AT101 reviews: with the tokenizer reviews read is [PAD] (0) of ")
    assert out.endswith("; meant is [CLS] (0): tokenizer.padding_side = 'right'\n")
    assert out.count("\n") == 1


def test_what_rust_opens_is_watched_too(tmp_path: Path) -> None:
    contract = Contract("reviews", "./reviews", tokenizer="reviews")
    saved("bert", tmp_path / "reviews")
    there = {str(file) for file in (tmp_path / "reviews").iterdir() if file.suffix == ".json"}
    assert str(tmp_path / "reviews" / "tokenizer.json") in there
    assert there <= {*files_looked_up(contract, tmp_path)}


def test_a_tokenizer_that_is_not_there_is_no_answer(ask: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(CONTRACT.replace('tokenizer = "reviews"', 'tokenizer = "./none"'))
    saved("bert", tmp_path / "reviews")
    done = ask("check", "--only", "contracts")
    assert done.code == 2
    assert "reviews: no tokenizer for ./none" in done.err
