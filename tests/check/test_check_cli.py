"""archtrace check, as its users run it: each in a folder of its own, through the real command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

WRONG = "def last(logits, attention_mask):\n    return logits[:, attention_mask.sum(1) - 1]\n"
RIGHT = "def first(hidden_states):\n    return hidden_states[:, 0]\n"


def check(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it in a folder, with a cache of its own."""
    command = [sys.executable, "-m", "archtrace_reports.cli", "check", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_a_finding_is_a_line_and_exit_1(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(WRONG)
    (tmp_path / "b.py").write_text(RIGHT)
    done = check(tmp_path)
    assert done.returncode == 1
    assert done.stdout.startswith("a.py:2:22: AT001 ")
    assert done.stdout.count("\n") == 1
    assert done.stderr == "archtrace: 1 finding in 1 file (2 files checked)\n"


@pytest.mark.parametrize("style", ["text", "json", "sarif", "github"])
def test_exit_codes_are_the_same_in_every_format(style: str, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(RIGHT)
    assert check(tmp_path, "--output-format", style).returncode == 0
    (tmp_path / "a.py").write_text(WRONG)
    assert check(tmp_path, "--output-format", style).returncode == 1
    assert check(tmp_path, "missing.py", "--output-format", style).returncode == 2


def test_only_the_source_rules_or_only_the_contracts(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(WRONG)
    assert check(tmp_path, "--only", "source").returncode == 1
    assert check(tmp_path, "--only", "contracts").returncode == 0
    assert check(tmp_path, "--only", "neither").returncode == 2


def test_select_ignore_and_per_file_ignores(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(WRONG)
    assert check(tmp_path, "--ignore", "AT001").returncode == 0
    assert check(tmp_path, "--select", "AT002").returncode == 0
    (tmp_path / "pyproject.toml").write_text('[tool.archtrace.per-file-ignores]\n"a.py" = ["AT001"]\n')
    assert check(tmp_path).returncode == 0


def test_noqa_is_honoured_and_an_unused_one_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(WRONG.rstrip() + "  # noqa: AT001\n")
    assert check(tmp_path).returncode == 0
    (tmp_path / "a.py").write_text("x = 1  # noqa: AT001\n")
    assert check(tmp_path).stdout == "a.py:1:8: AT099 noqa: nothing here is AT001\n"


def test_a_fix_mends_the_file_and_leaves_the_rest(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import torch\n\n\n" + WRONG + "# the end\n")
    done = check(tmp_path, "--fix")
    text = (tmp_path / "a.py").read_text()
    assert done.returncode == 0
    assert "sum(1)" not in text
    assert "argmax" in text
    assert text.endswith("# the end\n")


def test_a_notebook_tells_its_cell(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": "# Title"},
        {"cell_type": "code", "source": ["%pip install x\n", WRONG]},
    ]
    (tmp_path / "n.ipynb").write_text(json.dumps({"cells": cells}))
    assert check(tmp_path).stdout.startswith("n.ipynb:cell 2:3:22: AT001 ")


def test_a_file_that_does_not_parse_is_one_finding_and_the_others_go_on(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(WRONG.replace("- 1]", "- 1"))
    (tmp_path / "b.py").write_text(WRONG)
    told = check(tmp_path).stdout.splitlines()
    assert [line.split()[1] for line in told] == ["AT000", "AT001"]


def test_a_baseline_keeps_old_findings_quiet(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(WRONG)
    assert check(tmp_path, "--baseline", "old.json", "--update-baseline").returncode == 0
    assert check(tmp_path, "--baseline", "old.json").returncode == 0
    (tmp_path / "a.py").write_text("\n\n" + WRONG + "\n\n" + WRONG.replace("last", "other"))
    assert check(tmp_path, "--baseline", "old.json").stdout.count("AT001") == 1


def test_sarif_declares_its_rules_and_keeps_fingerprints(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(WRONG)
    (run,) = json.loads(check(tmp_path, "--output-format", "sarif").stdout)["runs"]
    (result,) = run["results"]
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "AT001"
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a.py"
    (tmp_path / "a.py").write_text("\n\n" + WRONG)
    (again,) = json.loads(check(tmp_path, "--output-format", "sarif").stdout)["runs"][0]["results"]
    assert again["partialFingerprints"] == result["partialFingerprints"]


def test_a_broken_pyproject_is_one_clear_message(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.archtrace\n")
    done = check(tmp_path)
    assert done.returncode == 2
    assert "pyproject.toml is no TOML that can be read" in done.stderr


def test_nothing_heavy_is_imported(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(WRONG)
    code = (
        "import sys; from archtrace_reports.cli import run; run(['check', 'a.py', '-q']);"
        "print({'torch', 'transformers', 'libcst', 'networkx', 'numpy', 'rich', 'jinja2'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("set()\n")
