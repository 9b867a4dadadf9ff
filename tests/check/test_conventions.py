"""What people who know other linters take for granted."""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Ask = Callable[..., Any]

WRONG = "def last(logits, attention_mask):\n    return logits[:, attention_mask.sum(1) - 1]\n"
LONG = WRONG.replace("attention_mask.sum(1)", "(\n        attention_mask{noqa}\n        .sum(1)\n    )")
STYLES = ("text", "json", "sarif", "github")


def codes(answer: Any) -> list[str]:
    """The codes that were told as text."""
    return [line.split(": ")[1].split()[0] for line in answer.out.splitlines()]


def table(folder: Path, text: str) -> None:
    """The settings of a project."""
    (folder / "pyproject.toml").write_text(f"[tool.archtrace]\n{text}\n")


def project(folder: Path) -> Path:
    """A project with a finding in src/old/a.py and one in src/b.py; its folder src/old."""
    (folder / "src" / "old").mkdir(parents=True)
    (folder / "src" / "old" / "a.py").write_text(WRONG)
    (folder / "src" / "b.py").write_text(WRONG)
    return folder / "src" / "old"


# What is said, and where


def test_findings_on_stdout_and_the_rest_on_stderr(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(WRONG)
    answer = ask("check")
    assert answer.out.startswith("a.py:2:22: AT001 ")
    assert answer.err == "archtrace: 1 finding in 1 file (1 file checked)\n"
    assert ask("check", "-q").err == ""


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(("files", "code"), [(["good.py"], 0), (["bad.py"], 1), (["bad.py", "gone.py"], 2)])
def test_exit_codes(ask: Ask, style: str, files: list[str], code: int, tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text("x = 1\n")
    (tmp_path / "bad.py").write_text(WRONG)
    assert ask("check", "--output-format", style, *files).code == code


def test_a_missing_file_is_said_even_to_the_quiet(ask: Ask) -> None:
    assert ask("check", "-q", "gone.py") == (2, "", "archtrace: there is no file gone.py\n")


def test_an_empty_folder_is_clean_and_said(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for arguments in ([], ["empty"]):
        assert ask("check", *arguments) == (0, "", "archtrace: there is no Python file to check\n")


def test_a_file_is_checked_once_however_often_it_is_named(ask: Ask, tmp_path: Path) -> None:
    project(tmp_path)
    answer = ask("check", "src/b.py", "./src/b.py", "src", str(tmp_path / "src" / "b.py"))
    assert [line.split(":")[0] for line in answer.out.splitlines()] == ["src/b.py", "src/old/a.py"]
    assert answer.err.endswith("(2 files checked)\n")


def test_statistics_count_by_code_the_most_frequent_first(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1  # noqa: AT001\ny = 2  # noqa: AT002\n" + WRONG)
    answer = ask("check", "--statistics", "-q")
    assert answer.err == "    2 AT099 unused-noqa\n    1 AT001 pad-count-index\n"
    assert codes(answer) == ["AT099", "AT099", "AT001"]


def test_text_obeys_no_control_character(ask: Ask, tmp_path: Path) -> None:
    name = "a\x1b[31m\u202e\nb.py"
    (tmp_path / name).write_text(WRONG)
    answer = ask("check")
    assert answer.out.count("\n") == 1
    assert not [c for c in (answer.out + answer.err).replace("\n", "") if unicodedata.category(c) in ("Cc", "Cf")]
    assert "\x1b" not in ask("check", "gone\x1b[31m.py").err


def test_a_walk_tells_dead_links_and_pipes_and_goes_on(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "dead.py").symlink_to("nowhere.py")
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "a.py").write_text(WRONG)
    assert codes(ask("check")) == ["AT001", "AT000", "AT000"]
    assert ask("check", "dead.py").code == 2


def test_a_name_of_no_encoding_is_told(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"a\xff.py")).write_text(WRONG)
    for style in STYLES:
        assert ask("check", "--output-format", style).code == 1
    assert '"a%FF.py"' in ask("check", "--output-format", "sarif").out


# Selection


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--select", "AT"], ["AT001", "AT099"]),
        (["--select", "at001"], ["AT001"]),
        (["--select", "AT00"], ["AT001"]),
        (["--select", "AT002,AT099"], ["AT099"]),
        (["--select", "AT001", "--select", "AT002,AT099"], ["AT001", "AT099"]),
        (["--select", "AT001,AT099"], ["AT001"]),  # no one asked about AT002
        (["--ignore", "AT001, AT099"], []),
        (["--ignore", "AT001", "--ignore", "AT09"], []),
        (["--select", "AT0", "--ignore", "AT001"], ["AT099"]),
    ],
)
def test_select_and_ignore(ask: Ask, arguments: list[str], told: list[str], tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(WRONG + "x = 1  # noqa: AT002\n")
    answer = ask("check", *arguments)
    assert codes(answer) == told
    assert answer.code == (1 if told else 0)


@pytest.mark.parametrize("option", ["--select", "--ignore"])
def test_a_code_that_is_none_is_an_error(ask: Ask, option: str) -> None:
    answer = ask("check", option, "AT01,AT0001")
    assert answer.code == 2
    assert "there is no code AT0001; did you mean AT001?" in answer.err
    assert "there is no code E501; archtrace explain lists them" in ask("check", option, "E501").err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('select = ["AT1x"]', "select: there is no code AT1X"),
        ("ignore = [1]", "ignore is no list of strings"),
        ('per-file-ignores = {"*.py" = ["F401"]}', "per-file-ignores *.py: there is no code F401"),
        ("exclude = [true]", "exclude is no list of strings"),
        ("rules = []", "has no key rules"),
    ],
)
def test_settings_that_say_nothing_sensible(ask: Ask, text: str, told: str, tmp_path: Path) -> None:
    table(tmp_path, text)
    answer = ask("check")
    assert answer.code == 2
    assert told in answer.err
    assert answer.out == ""


def test_a_file_that_does_not_parse_is_told_whatever_is_selected(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(WRONG.replace("- 1]", "- 1"))
    assert codes(ask("check", "--select", "AT002")) == ["AT000"]
    assert ask("check", "--ignore", "AT000").code == 0


@pytest.mark.parametrize("pattern", ["src/old/*.py", "src/old", "a.py", "src/*/a.py", "old/a.py"])
def test_per_file_ignores_count_from_the_root_wherever_it_runs(ask: Ask, pattern: str, tmp_path: Path) -> None:
    old = project(tmp_path)
    table(tmp_path, f'per-file-ignores = {{"{pattern}" = ["AT001"]}}')
    for arguments, folder in (([], tmp_path), ([str(tmp_path)], old), ([".."], old), (["../b.py", "a.py"], old)):
        (line,) = ask("check", *arguments, at=folder).out.splitlines()
        assert line.split(":")[0].endswith("b.py")


def test_settings_are_found_above_a_package_that_has_none(ask: Ask, tmp_path: Path) -> None:
    old = project(tmp_path)
    table(tmp_path, 'ignore = ["AT001"]')
    (old / "pyproject.toml").write_text('[project]\nname = "old"\nkeywords = ["archtrace"]\n')
    assert ask("check", at=old).code == 0
    table(old, 'select = ["AT001"]')
    assert ask("check", at=old).code == 1


def test_exclude_counts_from_the_root_too(ask: Ask, tmp_path: Path) -> None:
    old = project(tmp_path)
    table(tmp_path, 'exclude = ["src/old"]')
    assert ask("check").out.startswith("src/b.py:")
    assert ask("check", "..", at=old).out.count("AT001") == 1
    assert ask("check", "src/old/a.py").code == 1, "a file that is named is meant"


def test_a_folder_that_is_named_is_walked_whatever_its_name(ask: Ask, tmp_path: Path) -> None:
    for name in ("build", "node_modules", ".venv"):
        (tmp_path / name / "lib").mkdir(parents=True)
        (tmp_path / name / "lib" / "a.py").write_text(WRONG)
    assert ask("check").code == 0
    assert ask("check", "build").code == ask("check", "build/lib").code == 1


# Comments


@pytest.mark.parametrize(
    ("comment", "told"),
    [
        ("# noqa", []),
        ("# noqa: AT001", []),
        ("# noqa:AT001", []),
        ("#noqa : at001", []),
        ("# NOQA: E501, AT001", []),
        ("# noqa: AT001,E501", []),
        ("# noqa: AT001 E501 - measured", []),
        ("# type: ignore  # noqa: AT001", []),
        ("# noqa: AT001,AT002", ["AT099"]),
        ("# noqa: AT001,AT002,AT099", []),
        ("# noqa: E501", ["AT001"]),
        ("# noqa: AT002", ["AT001", "AT099"]),
        ("# noqatall", ["AT001"]),
    ],
)
def test_noqa(ask: Ask, comment: str, told: list[str], tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(f"{WRONG.rstrip()}  {comment}\n")
    assert codes(ask("check")) == told


@pytest.mark.parametrize("comment", ["# noqa", "# noqa: E501", "# NoQA: F401, E501", "# noqa: AT099"])
def test_a_comment_that_names_no_rule_of_ours_is_never_idle(ask: Ask, comment: str, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(f"x = 1  {comment}\n'# noqa: AT001'\n")
    assert ask("check").code == 0


@pytest.mark.parametrize("comment", ["# noqa: AT001", "# NOQA:at001", "# noqa: E501,AT001"])
@pytest.mark.parametrize("style", STYLES)
def test_an_idle_comment_is_told_in_every_format(ask: Ask, style: str, comment: str, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(f"x = 1  {comment}\n")
    answer = ask("check", "--output-format", style)
    assert answer.code == 1
    assert "AT099" in answer.out
    assert "nothing here is AT001" in answer.out


def test_a_comment_on_any_line_of_the_expression_counts(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(LONG.format(noqa=""))
    assert codes(ask("check")) == ["AT001"]
    (tmp_path / "a.py").write_text(LONG.format(noqa="  # noqa: AT001"))
    assert ask("check").code == 0


# Baseline


def test_a_baseline_there_and_back(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(WRONG)
    (tmp_path / "b.py").write_text(WRONG)
    table(tmp_path, 'baseline = "known.json"')
    assert ask("check", "--update-baseline").code == 0
    (tmp_path / "a.py").write_text("import torch\n\n\n" + WRONG)
    assert ask("check") == (0, "", "archtrace: clean (2 files checked)\n")
    (tmp_path / "a.py").write_text(WRONG + "\n\n" + WRONG)
    assert ask("check").out.startswith("a.py:6:22: AT001"), "an equal second one is new"
    assert [file.name for file in tmp_path.iterdir() if file.name.endswith(".tmp")] == []


def test_stale_entries_are_counted_and_dropped(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(WRONG)
    (tmp_path / "b.py").write_text(WRONG)
    table(tmp_path, 'baseline = "known.json"')
    ask("check", "--update-baseline")
    (tmp_path / "a.py").unlink()
    (tmp_path / "b.py").write_text("x = 1\n")
    said = "archtrace: the baseline has 2 stale entries: nothing is found there now; --update-baseline drops them\n"
    assert ask("check").err.endswith(said)
    assert "stale" not in ask("check", "--select", "AT002").err
    ask("check", "--update-baseline")
    assert json.loads((tmp_path / "known.json").read_text())["known"] == []


def test_what_was_not_checked_now_stays_in_the_baseline(ask: Ask, tmp_path: Path) -> None:
    old = project(tmp_path)
    table(tmp_path, 'baseline = "known.json"')
    ask("check", "--update-baseline")
    assert "stale" not in ask("check", "src/b.py").err
    assert ask("check", "a.py", "--update-baseline", at=old).code == 0
    assert ask("check", "--select", "AT002", "--update-baseline").code == 0
    assert ask("check").code == 0


def test_a_baseline_that_cannot_be_written(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(WRONG)
    answer = ask("check", "--baseline", "no/known.json", "--update-baseline")
    assert (answer.code, answer.err) == (2, "archtrace: there is no folder no\n")


def test_an_update_replaces_the_file_whole(ask: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where the new one cannot be put in its place, the old one is as it was, and nothing lies about."""
    (tmp_path / "a.py").write_text(WRONG)
    ask("check", "--baseline", "known.json", "--update-baseline")
    before = (tmp_path / "known.json").read_bytes()
    (tmp_path / "a.py").write_text("x = 1\n")

    def refused(_self: Path, _target: Path) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(Path, "replace", refused)
    assert ask("check", "--baseline", "known.json", "--update-baseline").code == 2
    assert (tmp_path / "known.json").read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.py", "known.json"]


@pytest.mark.parametrize("text", ["", "[]", '{"known": [1]}', '{"known": [["AT001", "a.py"]]}'])
def test_a_baseline_that_is_none(ask: Ask, text: str, tmp_path: Path) -> None:
    (tmp_path / "known.json").write_text(text)
    answer = ask("check", "--baseline", "known.json")
    assert answer.code == 2
    assert "known.json is no baseline" in answer.err


# For programs


def test_json_has_a_number_and_its_history(ask: Ask, tmp_path: Path) -> None:
    from archtrace_reports.check.formats import to_json

    (tmp_path / "a.py").write_text(WRONG)
    document = json.loads(ask("check", "--output-format", "json").out)
    assert document["format"] == to_json.FORMAT
    assert f"History: {to_json.FORMAT}" in Path(to_json.__file__).read_text()
    assert (document["files"], document["failures"]) == (1, [])
    (finding,) = document["findings"]
    assert (finding["path"], finding["line"], finding["col"], finding["code"]) == ("a.py", 2, 22, "AT001")


def test_github_escapes_what_the_runner_reads(ask: Ask, tmp_path: Path) -> None:
    name = "100%, a:b\n.py"
    (tmp_path / name).write_text(WRONG)
    (line,) = ask("check", "--output-format", "github").out.splitlines()
    place, _, message = line.removeprefix("::error ").partition("::")
    assert place == "file=100%25%2C a%3Ab%0A.py,line=2,col=22,endLine=2,endColumn=47,title=AT001"
    assert message.startswith("AT001 `attention_mask.sum(1) - 1` is the last token only if padded right")


def test_github_takes_columns_only_within_a_line(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "src" / "a.py").write_text(LONG.format(noqa=""))
    out = ask("check", "--output-format", "github", at=tmp_path / "src").out
    assert out.startswith("::error file=src/a.py,line=2,endLine=5,title=AT001::")
