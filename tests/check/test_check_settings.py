"""Settings: whatever pyproject.toml and the options say is taken, or refused in one clear sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from check_runs import WRONG, check

BROKEN = {
    "[tool.archtrace\n": "pyproject.toml is no TOML that can be read: ",
    "tool = 1  # archtrace\n": "pyproject.toml: tool.archtrace is no table",
    "[tool]\narchtrace = 1\n": "pyproject.toml: tool.archtrace is no table",
    "[tool.archtrace]\nselct = []\n": (
        "pyproject.toml: [tool.archtrace] has no key selct; did you mean select? it takes select, "
    ),
    "[tool.archtrace]\nselect = 1\n": "pyproject.toml: [tool.archtrace] select is no list of strings",
    "[tool.archtrace]\nexclude = [1]\n": "pyproject.toml: [tool.archtrace] exclude is no list of strings",
    "[tool.archtrace]\nbaseline = []\n": "pyproject.toml: [tool.archtrace] baseline is no string",
    "[tool.archtrace]\nper-file-ignores = []\n": "pyproject.toml: [tool.archtrace] per-file-ignores is no table",
    "[tool.archtrace.per-file-ignores]\n'a.py' = 1\n": "[tool.archtrace] a.py is no list of strings",
    "[tool.archtrace]\nselect = ['AT01X']\n": "[tool.archtrace] select: there is no code AT01X; did you mean AT101?",
    "[tool.archtrace]\nignore = 'E501'\n": "[tool.archtrace] ignore: there is no code E501; archtrace explain lists",
    "x = " + "[" * 10_000 + "# archtrace": "pyproject.toml is no TOML that can be read: ",
}


@pytest.mark.parametrize("text", BROKEN, ids=range(len(BROKEN)))
def test_a_broken_pyproject_is_one_clear_message(text: str, tmp_path: Path) -> None:
    """Exit 2, and nothing on stdout."""
    (tmp_path / "pyproject.toml").write_text(text)
    done = check(tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("archtrace: ")
    assert BROKEN[text] in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_pyproject_that_cannot_be_read(tmp_path: Path) -> None:
    """Not UTF-8, or not ours to read; a folder of that name is none."""
    file = tmp_path / "pyproject.toml"
    file.write_bytes(b"# archtrace \xff\n")
    assert "pyproject.toml is no TOML that can be read: " in check(tmp_path).stderr
    file.chmod(0)
    assert "pyproject.toml cannot be read: Permission denied" in check(tmp_path, bound=True).stderr
    file.unlink()
    file.mkdir()
    assert check(tmp_path).returncode == 0


@pytest.mark.parametrize("text", ["select = 'AT001'", "select = ['at001']", "select = 'AT002, AT001'", "select = 'AT'"])
def test_codes_as_people_write_them(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(WRONG)
    (tmp_path / "pyproject.toml").write_text(f"[tool.archtrace]\n{text}\n")
    assert check(tmp_path).returncode == 1
    (tmp_path / "pyproject.toml").write_text(f"[tool.archtrace]\n{text.replace('select', 'ignore')}\n")
    assert check(tmp_path).returncode == 0


@pytest.mark.parametrize("option", ["--select", "--ignore"])
def test_an_unknown_code_is_refused(option: str, tmp_path: Path) -> None:
    """With a guess at what was meant; a prefix of a code is known."""
    done = check(tmp_path, option, "AT00l")
    assert done.returncode == 2
    assert done.stderr.startswith(f"archtrace: {option}: there is no code AT00L; did you mean AT")
    assert all(check(tmp_path, option, code).returncode == 0 for code in ("AT", "at00", "AT000", "AT013"))
