"""The sweep: every sequence classifier of the library, in bounded children. Minutes: pytest -m sweep."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.sweep
def test_all_classifiers_are_answered(library_sweep: dict[str, Any]) -> None:
    """Of 127 at least 126, at least 125 exactly; no run shows what the analysis left out; every gap has a reason."""
    results, missing = library_sweep["results"], library_sweep["unanswered"]
    assert len(results) + len(missing) == 127
    assert len(results) >= 126
    assert sum(result["status"] == "exact" for result in results) >= 125
    assert all(gap["reason"].strip() for gap in missing)
    assert [r["target"] for r in results for f in r["findings"] if f["code"] in ("missed", "replay-differs")] == []


@pytest.mark.sweep
def test_every_row_is_what_it_was(library_sweep: dict[str, Any]) -> None:
    """docs/coverage.md is the golden table: kind, slice, dependence, padding, status of each type."""
    spec = importlib.util.spec_from_file_location("make_coverage_table", DOCS / "make_coverage_table.py")
    assert spec is not None
    assert spec.loader is not None
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    rows, known = (
        [line for line in text.splitlines() if line.startswith("| ")]
        for text in (maker.table(library_sweep), (DOCS / "coverage.md").read_text())
    )
    assert rows == known
