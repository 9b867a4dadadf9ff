"""The sweep: every sequence classifier of the library, in bounded children. Minutes: pytest -m sweep."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.sweep
def test_all_classifiers(tmp_path: Path) -> None:
    """At least 118 of 127 answered, at least 105 exactly; every witness inside its bound; every gap has a reason."""
    file = tmp_path / "sweep.json"
    command = [sys.executable, "-m", "archtrace_reports.cli", "--all", "--format", "json", "-o", str(file)]
    subprocess.run(command, check=False, capture_output=True, env=os.environ | {"HF_HUB_OFFLINE": "1"})
    sweep = json.loads(file.read_text())
    results, missing = sweep["results"], sweep["unanswered"]
    assert len(results) + len(missing) == 127
    assert len(results) >= 118
    assert sum(result["status"] == "exact" for result in results) >= 105
    assert all(gap["reason"].strip() for gap in missing)
    for result in results:
        for layout in filter(lambda each: each["witness"], result["layouts"]):
            pairs = [(layout["witness"]["tokens"], layout["tokens"])]
            pairs += [(seen, layout["reads"][name]) for name, seen in layout["witness"]["reads"].items()]
            for seen, may in pairs:
                assert all(set(s) <= set(m) for s, m in zip(seen, may, strict=True)), result["target"]
