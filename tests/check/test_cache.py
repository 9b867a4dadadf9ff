"""The cache: what has changed is checked again, however it changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from archtrace_reports.check import check_files as running
from archtrace_reports.check.check_files import check_files
from archtrace_reports.check.problem import Problem
from archtrace_reports.check.settings import Settings

WRONG = "def last(logits, attention_mask):\n    return logits[:, attention_mask.sum(1) - 1]\n"
RIGHT = "def last(logits, attention_mask):\n    return logits[:, attention_mask.argmax(1)]\n"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with a finding, in a folder of its own, and a cache that is asked even for one file."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ".cache"))
    monkeypatch.setattr(running, "MANY", 1)
    monkeypatch.setattr(
        running, "_checked", lambda files, settings: {f: running.check_file(f, settings) for f in files}
    )
    (tmp_path / "a.py").write_text(WRONG)
    return tmp_path / "a.py"


def codes(file: Path) -> list[str]:
    """What is told of a file."""
    return [finding.code for finding in check_files([str(file)], Settings(file.parent)).findings]


def test_a_file_that_is_as_it_was_is_not_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert codes(file) == ["AT001"]
    monkeypatch.setattr(running, "check_file", lambda *_: pytest.fail("it was read"))
    assert codes(file) == ["AT001"]


def test_a_file_that_is_saved_while_it_is_checked(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found is of the text from before; it must not stand for the new one."""
    check_file = running.check_file

    def slow(path: str, settings: Settings) -> list[Problem]:
        found = check_file(path, settings)
        file.write_text(RIGHT + "\n")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(running, "check_file", slow)
        assert codes(file) == ["AT001"]
    assert codes(file) == []


def test_a_file_that_could_not_be_read_is_tried_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Being allowed to read it changes neither its time nor its size."""
    with monkeypatch.context() as patch:
        patch.setattr(running, "check_file", lambda path, _settings: [Problem(path, 1, 1, 1, 2, "AT000", "refused")])
        assert codes(file) == ["AT000"]
    assert codes(file) == ["AT001"]


def test_a_broken_cache_is_no_harm(file: Path, tmp_path: Path) -> None:
    assert codes(file) == ["AT001"]
    (kept,) = (tmp_path / ".cache").rglob("*.json")
    for text in ("", "[]", f'{{"{file}": 1}}'):
        kept.write_text(text)
        assert codes(file) == ["AT001"]


def test_an_imported_helper_that_changes_is_heard(file: Path) -> None:
    """What is told of a file hangs on the helpers that it imports: changed, removed, and there again."""
    file.write_text(
        "from ends import last\ndef read(logits, attention_mask):\n    return logits[:, last(attention_mask)]\n"
    )
    helper = file.parent / "ends.py"
    assert codes(file) == []
    helper.write_text("def last(mask):\n    return mask.sum(1) - 1\n")
    (file.parent / "unrelated.py").write_text("x = 1\n")
    assert codes(file) == ["AT001"]
    helper.write_text("def last(mask):\n    return mask.shape[1] - mask.flip(1).argmax(1) - 1\n")
    assert codes(file) == []
    helper.unlink()
    assert codes(file) == []


def test_a_file_that_sets_the_side_of_padding_is_heard(file: Path) -> None:
    """A count of tokens is right under padding on the right: another file of the tree says so, or no more."""
    (file.parent / "pyproject.toml").touch()
    assert codes(file) == ["AT001"]
    train = file.with_name("train.py")
    train.write_text("from a import last\n\ntokenizer.padding_side = 'right'\n")
    assert codes(file) == []
    train.write_text("from a import last\n\ntokenizer.padding_side = 'left'  # now\n")
    assert codes(file) == ["AT001"]
