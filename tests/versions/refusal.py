"""Beside a release that is too old; tests/versions/matrix.py runs this where archtrace must refuse to trace."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

import archtrace
from archtrace.errors import MissingError

INSTALLED = importlib.metadata.version("transformers")


def test_python_says_what_is_wanted() -> None:
    with pytest.raises(MissingError, match=f"transformers {INSTALLED} is too old") as caught:
        archtrace.trace("BertForSequenceClassification")
    assert "pip install 'transformers>=" in str(caught.value)


def test_the_command_says_what_is_wanted(tmp_path: Path) -> None:
    command = [Path(sys.executable).with_name("archtrace"), "BertForSequenceClassification"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"archtrace: transformers {INSTALLED} is too old")
    assert "pip install 'transformers>=" in done.stderr


def test_the_source_rules_go_on(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("def first(hidden_states):\n    return hidden_states[:, 0]\n")
    command = [Path(sys.executable).with_name("archtrace"), "check", "--only", "source"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=300).returncode == 0
