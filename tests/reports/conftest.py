"""What the tests of the reports share: golden files, and a child that runs the command line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from archtrace.answer.result import Result

GOLDEN = Path(__file__).parent / "golden"
ROOT = Path(__file__).parents[2]


def environment() -> dict[str, str]:
    """The two source roots for a child, wherever it runs."""
    roots = [str(ROOT / "tracer"), str(ROOT / "reports")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(roots), "HF_HUB_OFFLINE": "1"}


def archtrace(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    command = [sys.executable, "-m", "archtrace_reports.commands.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment(), cwd=cwd, check=False, timeout=999)


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compare with a golden file. ARCHTRACE_UPDATE_GOLDEN=1 overwrites it, and the test fails for you to look."""

    def compare(name: str, text: str) -> None:
        file = GOLDEN / name
        if os.environ.get("ARCHTRACE_UPDATE_GOLDEN"):
            file.write_text(text, "utf-8")
            pytest.fail(f"{name} was written; look at it, then run without ARCHTRACE_UPDATE_GOLDEN")
        assert file.read_text("utf-8") == text

    return compare


#: Five models of different kinds, traced once for all tests: first, last_non_pad, last_eos, masked_mean, a leak.
REAL = {
    "bert": "bert-base-uncased",
    "gpt2": "gpt2",
    "bart": "facebook/bart-base",
    "modernbert": "answerdotai/ModernBERT-base",
    "fnet": "google/fnet-base",
}


@pytest.fixture(scope="session")
def real() -> dict[str, Result]:
    """The results of real traces, by a short name."""
    from archtrace import trace

    return {name: trace(target).result for name, target in REAL.items()}


def scrubbed(text: str) -> str:
    """Without what changes from one version to the next: versions, line numbers."""
    return re.sub(r"(\.py):\d+", r"\1:N", re.sub(r"\b\d+\.\d+\.\d+\b", "X.Y.Z", text))
