"""The sweep: every sequence classifier of the library, in bounded children. Minutes: pytest -m sweep."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One run over all of them."""
    file = tmp_path_factory.mktemp("sweep") / "sweep.json"
    command = [
        sys.executable,
        "-m",
        "archtrace_reports.commands.cli",
        "--all",
        "--fresh",
        "--format",
        "json",
        "-o",
        str(file),
    ]
    subprocess.run(command, check=False, capture_output=True, env=os.environ | {"HF_HUB_OFFLINE": "1"})
    found: dict[str, Any] = json.loads(file.read_text())
    return found


@pytest.mark.sweep
def test_all_classifiers_are_answered(sweep: dict[str, Any]) -> None:
    """Of 127 at least 126, at least 125 exactly; no run shows what the analysis left out; every gap has a reason."""
    results, missing = sweep["results"], sweep["unanswered"]
    assert len(results) + len(missing) == 127
    assert len(results) >= 126
    assert sum(result["status"] == "exact" for result in results) >= 125
    assert all(gap["reason"].strip() for gap in missing)
    assert [r["target"] for r in results for f in r["findings"] if f["code"] in ("missed", "replay-differs")] == []


@pytest.mark.sweep
def test_every_row_is_what_it_was(sweep: dict[str, Any]) -> None:
    """docs/coverage.md is the golden table: kind, slice, dependence, padding, status of each type."""
    spec = importlib.util.spec_from_file_location("make_coverage_table", DOCS / "make_coverage_table.py")
    assert spec is not None
    assert spec.loader is not None
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    rows, known = (
        [line for line in text.splitlines() if line.startswith("| ")]
        for text in (maker.table(sweep), (DOCS / "coverage.md").read_text())
    )
    assert rows == known
