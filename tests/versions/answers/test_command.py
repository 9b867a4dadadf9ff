"""The command line, as a person types it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def archtrace(*arguments: str, folder: Path) -> str:
    """What the command prints; it must succeed and complain of nothing."""
    command = [Path(sys.executable).with_name("archtrace"), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    return done.stdout


def test_it_answers_a_person(tmp_path: Path) -> None:
    said = archtrace("BertForSequenceClassification", folder=tmp_path)
    assert "last_hidden_state[:, 0]" in said
    assert "exact" in said


def test_it_answers_a_program(tmp_path: Path) -> None:
    answers = json.loads(archtrace("RobertaForSequenceClassification", "--format", "json", folder=tmp_path))
    assert "last_hidden_state[:, 0]" in json.dumps(answers["results"])


def test_it_checks_sources(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("def first(hidden_states):\n    return hidden_states[:, 0]\n")
    archtrace("check", "--only", "source", folder=tmp_path)
