"""GitLab: a code quality report holds what GitLab asks for, which its documentation lists."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
from check_runs import RIGHT, WRONG

Ask = Callable[..., Any]

#: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
LINE = {"type": "object", "required": ["line"], "properties": {"line": {"type": "integer", "minimum": 1}}}
POSITIONS = {"type": "object", "required": ["begin"], "properties": {"begin": LINE, "end": LINE}}
ISSUE = {
    "type": "object",
    "required": ["description", "check_name", "fingerprint", "severity", "location"],
    "properties": {
        **{key: {"type": "string", "minLength": 1} for key in ("description", "check_name", "fingerprint")},
        "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
        "location": {
            "type": "object",
            "required": ["path", "positions"],
            "properties": {"path": {"type": "string", "pattern": "^[^./]"}, "positions": POSITIONS},
        },
    },
}


def report(ask: Ask, *arguments: str, **place: Path) -> list[dict[str, Any]]:
    """A valid report."""
    found: list[dict[str, Any]] = json.loads(ask("check", "--output-format", "gitlab", *arguments, **place).out)
    jsonschema.validate(found, {"type": "array", "items": ISSUE})
    assert len({issue["fingerprint"] for issue in found}) == len(found)
    return found


def test_clean_is_an_empty_list(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(RIGHT)
    assert report(ask) == []


def test_a_finding_has_its_place_from_the_root_on(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.archtrace]\n")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").write_text(WRONG)
    for arguments, folder in (((), tmp_path), (("a.py",), tmp_path / "src")):
        (issue,) = report(ask, *arguments, at=folder)
        begin, end = {"line": 2, "column": 22}, {"line": 2, "column": 47}
        assert issue["location"] == {"path": "src/a.py", "positions": {"begin": begin, "end": end}}
        assert issue["description"].startswith("AT001 `attention_mask.sum(1) - 1` is the last token only")


def test_fingerprints_stay_when_lines_move(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(WRONG + WRONG)
    before = [issue["fingerprint"] for issue in report(ask)]
    (tmp_path / "a.py").write_text("\n\n" + WRONG + "\n\n" + WRONG)
    assert [issue["fingerprint"] for issue in report(ask)] == before


def test_a_notebook_tells_its_cell_in_words(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "n.ipynb").write_text(json.dumps({"cells": [{"cell_type": "code", "source": WRONG}]}))
    (issue,) = report(ask)
    assert issue["location"]["positions"]["begin"]["line"] == 1
    assert issue["description"].startswith("AT001 cell 1, line 2: ")
