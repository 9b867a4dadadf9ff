"""Lists of targets, the library's own, and answers of other versions."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from reports.samples import SAMPLES

from archtrace.errors import TargetError
from archtrace.targets import head_kinds
from archtrace_reports.asking.question import Question
from archtrace_reports.atlas.answer_log import AnswerLog
from archtrace_reports.atlas.site.edition_files import read
from archtrace_reports.atlas.structure import AtlasTarget
from archtrace_reports.atlas.targets import library, lines, looked_up
from archtrace_reports.commands import cli
from archtrace_reports.formats.to_json import document
from archtrace_reports.text.report import Report, Unanswered, differing, versions


@pytest.fixture
def lst(tmp_path: Path) -> Callable[[str | bytes], Path]:
    """Writes a list; its file."""

    def use(text: str | bytes) -> Path:
        file = tmp_path / "list.txt"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    return use


def test_a_list(lst: Callable[[str | bytes], Path]) -> None:
    file = lst(
        "\ufeff# all of mine\r\n\r\nbert  # the first\r\n  gpt2\r\nbert\nhttps://huggingface.co/a/b#files\nm.py:C"
    )
    found = [(line.number, line.target) for line in lines(file)]
    assert found == [(3, "bert"), (4, "gpt2"), (6, "https://huggingface.co/a/b#files"), (7, "m.py:C")]


BAD = {
    "bert\ngpt2 bart\n": ("the line names no target: 'gpt2 bart'", ":2", "several words"),
    "bert --head all": ("the line names no target: 'bert --head all'", ":1", "an option"),
    "\n--all": ("the line names no target: '--all'", ":2", "an option"),
    "a\tb": ("the line names no target: 'a\\tb'", ":1", "a character that cannot be printed"),
    "# nothing\n": ("the list names no target", "", ""),
    b"bert\n\n\xff\n": ("the list is not UTF-8 text", ":3", ""),
}


@pytest.mark.parametrize("text", BAD)
def test_a_bad_line_is_told_by_its_number(text: str | bytes, lst: Callable[[str | bytes], Path]) -> None:
    file = lst(text)
    what, place, why = BAD[text]
    with pytest.raises(TargetError) as caught:
        lines(file)
    told = str(caught.value).splitlines()
    assert told[0] == what
    assert told[1] == f"  where: {file}{place}"
    assert why in str(caught.value)
    assert told[-1].startswith("  do: ")


def test_a_list_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="the list cannot be read"):
        lines(tmp_path)


def test_a_target_that_is_not_there_is_one_unanswered_row(lst: Callable[[str | bytes], Path]) -> None:
    """And the others go on."""
    found = [*looked_up(lines(lst("bert\n\n./nowhere\ngpt2\n")))]
    assert [(line.number, each.name if isinstance(each, AtlasTarget) else each.line) for line, each in found] == [
        (1, "bert"), (3, "no folder nowhere: there is no such folder"), (4, "gpt2"),
    ]  # fmt: skip


HOSTILE = [
    {"model_type": 5, "id2label": 7, "problem_type": ["x"], "dtype": {}, "transformers_version": 4},
    {"model_type": "bert", "architectures": 3},
    {"model_type": "bert", "text_config": {"model_type": None, "id2label": [], "label2id": {"a": "b"}}},
    {"id2label": {"0": None}, "label2id": None, "model_type": "\u202e/../.."},
    [1],
]


def test_no_config_stops_the_others(lst: Callable[[str | bytes], Path], tmp_path: Path) -> None:
    """Each is a question or has its reason; a question's name is harmless."""
    for number, fields in enumerate(HOSTILE):
        (tmp_path / f"{number}.json").write_text(json.dumps(fields))
    names = [str(tmp_path / f"{number}.json") for number in range(len(HOSTILE))]
    found = [each for _, each in looked_up(lines(lst("\n".join(names))))]
    for name, each in zip(names, found, strict=True):
        assert name == (each.name if isinstance(each, AtlasTarget) else each.target)
        assert isinstance(each, Unanswered) or re.fullmatch(r"[\w-]+", each.question.target)
    assert [isinstance(each, AtlasTarget) for each in found] == [True, False, True, True, False]


def test_five_thousand_lines(lst: Callable[[str | bytes], Path], tmp_path: Path) -> None:
    """Checkpoints of ten structures are ten questions."""
    for number in range(5000):
        (tmp_path / str(number)).mkdir()
        config = {"model_type": "bert", "num_hidden_layers": 1 + number % 10, "_name_or_path": f"base/{number}"}
        (tmp_path / str(number) / "config.json").write_text(json.dumps(config))
    plan = [each for _, each in looked_up(lines(lst("".join(f"{tmp_path / str(number)}\n" for number in range(5000)))))]
    assert all(isinstance(each, AtlasTarget) for each in plan)
    assert len({each.question.target for each in plan if isinstance(each, AtlasTarget)}) == 10
    assert [each.name for each in plan if isinstance(each, AtlasTarget)] == [
        str(tmp_path / str(n)) for n in range(5000)
    ]


def test_every_class_of_the_library_once() -> None:
    """With heads: the classifiers in their default configs first, then each class of each other kind."""
    found = library(True)
    first = [each for each in found if not each.question.shallow]
    assert found[: len(first)] == first
    assert [each.name for each in first] == sorted(head_kinds.classes(head_kinds.DEFAULT))
    others = {each.question.head for each in found if each.question.shallow}
    assert others == {None, *head_kinds.HEADS} - {head_kinds.DEFAULT}
    assert len({(each.name, each.question.head) for each in found}) == len(found)


def test_editions(tmp_path: Path) -> None:
    sample = next(iter(SAMPLES.values()))
    made = Report(
        (sample,), (Unanswered("x", "y"),), {"archtrace": "0.0.1", "torch": "2.10.0", "transformers": "4.56.0"}
    )
    file = tmp_path / "old.json"
    file.write_text(json.dumps(document(made)))
    found = read(file)
    assert (found.unanswered, found.versions) == (made.unanswered, made.versions)
    assert [each.target for each in found.results] == [sample.target]
    for text in ("[]", "{", '{"results": [{}]}', '{"results": [], "versions": 1}'):
        file.write_text(text)
        with pytest.raises(TargetError, match=r"no answers can be read from .*old\.json\n  why: "):
            read(file)


def test_what_was_kept_with_other_versions_is_asked_again(tmp_path: Path) -> None:
    sample = next(iter(SAMPLES.values()))
    now, then = versions(), versions() | {"transformers": "4.56.0"}
    AnswerLog(tmp_path / "kept").add(Question("now"), replace(sample, versions=now))
    AnswerLog(tmp_path / "kept").add(Question("then"), replace(sample, versions=then))
    kept = AnswerLog(tmp_path / "kept")
    assert kept.outcome(Question("now")) == replace(sample, versions=now)
    assert kept.outcome(Question("then")) is None


def test_a_build_is_no_part_of_a_release() -> None:
    assert differing({"torch": "2.13.0"}, {"torch": "2.13.0+cpu", "transformers": "5"}) == {}
    assert differing({"torch": "2.13.0", "x": "1"}, {"torch": "2.12.0"}) == {
        "torch": ("2.13.0", "2.12.0"), "x": ("1", "not installed"),
    }  # fmt: skip


USAGE = {
    ("-o", "new", "--heads", "--targets", "LIST"): "--heads is about the library's classes",
    ("-o", "new", "--jobs", "2", "--scheduler", "tcp://x:1"): "--jobs is about this machine",
    ("-o", "no/such"): "there is no folder",
    (): "Missing option '-o'",
}


@pytest.mark.parametrize("arguments", USAGE)
def test_what_cannot_be_meant(
    arguments: tuple[str, ...], lst: Callable[[str | bytes], Path], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    file = lst("bert\n")
    monkeypatch.chdir(file.parent)
    assert cli.run(["atlas", *(str(file) if each == "LIST" else each for each in arguments)]) == 2
    assert USAGE[arguments] in " ".join(capsys.readouterr().err.split())
    assert [*file.parent.iterdir()] == [file]


def test_planning_does_not_wait_for_look_ups_that_nobody_wants(lst: Callable[[str | bytes], Path]) -> None:
    """A list that is left in the middle asks for no more."""
    found = looked_up(lines(lst("bert\ngpt2\n")))
    began = time.monotonic()
    assert next(found)[0].target == "bert"
    found.close()  # type: ignore[attr-defined]
    assert time.monotonic() - began < 10
