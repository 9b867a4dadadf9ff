"""What all tests share: the tiny models can import what they have in common; one sweep over the whole library."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent / "models"))


@pytest.fixture(scope="session")
def library_sweep(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The JSON of `archtrace --all --fresh`: every sequence classifier of the library, traced in bounded children.
    It takes minutes, so it is run once, and only for tests that are marked `sweep`."""
    file = tmp_path_factory.mktemp("sweep") / "all.json"
    options = ["--all", "--fresh", "--format", "json", "-o", str(file)]
    command = [sys.executable, "-m", "archtrace_reports.commands.cli", *options]
    subprocess.run(command, check=False, capture_output=True, env=os.environ | {"HF_HUB_OFFLINE": "1"})
    answers: dict[str, Any] = json.loads(file.read_text())
    return answers
