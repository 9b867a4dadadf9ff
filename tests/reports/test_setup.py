"""The verdict on a setup stands above the answer, in each format; one line where there is nothing to change."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from checkpoints import saved, wordpiece

import archtrace
from archtrace.answer.diagnosis import Diagnosis, Fault
from archtrace.answer.result import Result
from archtrace.setup.result_with_setup import with_setup
from archtrace_reports import formats
from archtrace_reports.commands.cli import run
from archtrace_reports.formats.converter import decode, encode
from archtrace_reports.text.look import Look
from archtrace_reports.text.report import Report

from .samples import BERT, EVIL

FAULT = Fault("padding-side", '[PAD] (0) of "[PAD] [CLS] dull"', "[CLS] (0)", "tokenizer.padding_side = 'right'")
RIGHT = replace(BERT, setup=Diagnosis("x", "right", "the same token is read"))
WRONG = replace(BERT, setup=Diagnosis("x", "wrong", faults=(FAULT,), read=(FAULT.read,)))
HOSTILE = replace(BERT, setup=Diagnosis(EVIL, "wrong", EVIL, (Fault(EVIL, EVIL, EVIL, EVIL),), (EVIL,)))


def shown(style: str, result: Result) -> str:
    """A result in a format."""
    return formats.load(style).render(Report((result,)), Look())


def test_a_right_one_is_one_line() -> None:
    first, empty, then = shown("terminal", RIGHT).split("\n")[:3]
    assert (first, empty) == ("setup: right, because the same token is read", "")
    assert then == shown("terminal", BERT).split("\n")[0]
    assert shown("markdown", RIGHT).startswith("**setup: right, because the same token is read**\n\n**BertFor")
    assert shown("terminal", RIGHT).endswith(shown("terminal", BERT))


def test_a_wrong_one_comes_first_with_the_line_to_change() -> None:
    told = shown("terminal", WRONG)
    assert told.startswith("setup: wrong\n\n  wrong       padding-side\n  reads       [PAD] (0) of ")
    assert told.index(FAULT.change) < told.index("BertForSequenceClassification")
    comment = shown("markdown", WRONG)
    assert comment.startswith("**setup: wrong**\n\n| wrong | reads | meant | change |\n")
    assert comment.index("`tokenizer.padding_side = 'right'`") < comment.index("BertForSequenceClassification")


def test_the_page_says_it_above_its_title() -> None:
    page = shown("html", WRONG)
    start, title = page.index('<p class="setup">'), page.index("<h1")
    assert start < page.index("tokenizer.padding_side = &#39;right&#39;") < title
    assert '<p class="setup">' not in shown("html", BERT)


@pytest.mark.parametrize("style", ["terminal", "markdown", "html"])
def test_nothing_in_it_is_obeyed(style: str) -> None:
    text = shown(style, HOSTILE)
    assert not {"\x1b", "\x07", "\u202e", "\x9b"} & {*text}
    assert style != "html" or "2J<script>" not in text


@pytest.mark.parametrize("result", [RIGHT, WRONG], ids=["right", "wrong"])
def test_the_way_to_json_and_back(result: Result) -> None:
    assert decode(json.loads(json.dumps(encode(result))), Result) == result


def test_an_answer_about_texts_has_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = saved("bert", tmp_path / "reviews")
    texts = ["--text", "dull", "--text", "a fine film with a fine cast", "--text", "no film"]
    assert run([str(folder), *texts, "-q"]) == 0
    assert capsys.readouterr().out.startswith("setup: right, because the same token of each of 2 texts is read alone")
    file = folder / "tokenizer_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "padding_side": "left"}))
    assert run([str(folder), *texts, "-q", "--format", "json"]) == 0
    (result,) = json.loads(capsys.readouterr().out)["results"]
    assert [fault["change"] for fault in result["setup"]["faults"]] == ["tokenizer.padding_side = 'right'"]


def test_a_folder_with_a_tokenizer_is_judged_without_any_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = saved("bert", tmp_path / "bert")
    assert run([str(folder), "-q"]) == 0
    assert capsys.readouterr().out.startswith("setup: right, because the same token of each of 2 texts")
    settings = folder / "tokenizer_config.json"
    told = json.loads(settings.read_text())
    settings.write_text(json.dumps({**told, "padding_side": "left"}))
    assert run([str(folder), "-q"]) == 0
    assert "tokenizer.padding_side = 'right'" in capsys.readouterr().out.partition("BertForSequence")[0]


def test_a_setup_that_cannot_be_examined_is_unknown_with_the_reason() -> None:
    traced = archtrace.trace("bert", text=["a fine film", "dull"], tokenizer=wordpiece())
    found = with_setup(traced, "bert", {"text": ["a fine film", "dull"]}).setup
    assert found is not None
    assert (found.opinion, found.reason) == ("unknown", "no tokenizer for bert")
