"""archtrace check, as its users run it: each in a folder of its own, through the real command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from check_runs import RIGHT, WRONG, check

from archtrace_lint.dataflow.spellings import word_set
from archtrace_reports.check import formats


def test_a_finding_is_a_line_and_exit_1(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(WRONG)
    (tmp_path / "b.py").write_text(RIGHT)
    done = check(tmp_path)
    assert done.returncode == 1
    assert done.stdout.startswith("a.py:2:22: AT001 ")
    assert done.stdout.count("\n") == 1
    assert done.stderr == "archtrace: 1 finding in 1 file (2 files checked)\n"


@pytest.mark.parametrize("style", formats.NAMES)
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


def test_a_fix_keeps_line_ends_and_coding(tmp_path: Path) -> None:
    """One expression is another, every other byte is as it was; so are mode and link."""
    text = f"import torch\n\n\n{WRONG}# é\n"
    kinds = {
        "unix": text.encode(),
        "windows": text.replace("\n", "\r\n").encode(),
        "mixed": text.replace("\n", "\r\n", 2).encode(),
        "marked": b"\xef\xbb\xbf" + text.encode(),
        "latin": f"# coding: latin-1\n{text}".encode("latin-1"),
        "no end": text.encode().rstrip(),
    }
    for name, data in kinds.items():
        (tmp_path / f"{name}.txt").write_bytes(data)
        (tmp_path / f"{name}.txt").chmod(0o754)
        (tmp_path / f"{name}.py").symlink_to(f"{name}.txt")
    done = check(tmp_path, "--fix")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "archtrace: clean (6 files checked, 6 fixed)\n"
    for name, data in kinds.items():
        file = tmp_path / f"{name}.txt"
        assert (tmp_path / f"{name}.py").is_symlink()
        assert file.stat().st_mode & 0o777 == 0o754
        before, after = data.split(b"[:, ")[0], data.partition(b"- 1]")[2]
        assert file.read_bytes().startswith(before)
        assert file.read_bytes().endswith(b"]" + after)
        assert b"argmax" in file.read_bytes()


def test_every_format_is_named() -> None:
    """The names are the files of the folder."""
    files = {path.stem.removeprefix("to_") for path in Path(formats.__file__).parent.glob("to_*.py")}
    assert set(formats.NAMES) == files


#: Modules that only some runs need: what reads, follows, mends, spreads over cores and tells.
HEAVY = word_set(
    "torch transformers libcst networkx numpy rich jinja2 pathlib urllib json pkgutil tomllib fnmatch shutil tempfile "
    "multiprocessing concurrent.futures hashlib platformdirs unicodedata "
    "archtrace_lint.dataflow.follow archtrace_lint.source.decode "
    "archtrace_reports.text.files archtrace_reports.text.untrusted archtrace_reports.check.cells "
    "archtrace_reports.check.finding_cache archtrace_reports.check.pool archtrace_reports.check.fix"
)
#: What it takes to follow a file, and to tell what was found.
FOLLOWING = word_set("archtrace_lint.dataflow.follow archtrace_lint.source.decode pkgutil tomllib urllib pathlib")
TELLING = word_set(
    "archtrace_reports.text.files archtrace_reports.text.untrusted unicodedata shutil pathlib urllib fnmatch"
)


@pytest.mark.parametrize(("source", "needed"), [("x = 1\n", frozenset()), (WRONG, FOLLOWING | TELLING)])
def test_nothing_is_imported_that_is_not_needed(source: str, needed: frozenset[str], tmp_path: Path) -> None:
    """A hook runs often, and mostly on files of which no rule has anything to say."""
    (tmp_path / "a.py").write_text(source)
    code = (
        "import sys; from archtrace_reports.commands.cli import run;"
        f"run(['check', 'a.py', '-q']); print(sorted({set(HEAVY - needed)!r} & {{*sys.modules}}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_other_formats_are_not_imported(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(WRONG)
    code = (
        "import sys; from archtrace_reports.commands.cli import run; run(['check', 'a.py', '-q']);"
        "print(sorted(name for name in sys.modules if name.startswith('archtrace_reports.check.formats.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == str(
        [f"archtrace_reports.check.formats.{name}" for name in ("to_concise", "to_text")]
    )
