"""Markdown: read by a real parser, whatever a model holds, the comment has the shape that it was given."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from archtrace.answer.result import Result
from archtrace_reports.formats.to_markdown import code, plain, render
from archtrace_reports.text.look import Look
from archtrace_reports.text.report import Report, Unanswered, report

from . import samples

READER = MarkdownIt("commonmark", {"html": True}).enable("table")
HOSTILE = [
    "<script>alert(1)</script>",
    "a|b|c",
    "`x`",
    "``",
    "[l](http://x.org)",
    "@everyone",
    "**b**",
    "</details>",
    "\\",
]


def words(text: str) -> str:
    """What a reader sees of one inline text."""
    (_, inline, _) = READER.parse(text)
    assert inline.children is not None
    assert {child.type for child in inline.children} <= {"text", "code_inline", "text_special"}
    return "".join(child.content for child in inline.children)


@given(st.text(min_size=1).map(lambda text: "x " + " ".join(text.split()) + " x"))
def test_plain_text_means_itself(text: str) -> None:
    printable = "".join(c for c in text if c.isprintable())
    assert words(plain(printable)).replace("\N{WORD JOINER}", "") == " ".join(printable.split())


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1).filter(lambda text: text.split()))
def test_code_is_what_was_given(text: str) -> None:
    (_, inline, _) = READER.parse("x " + code(text))
    assert inline.children is not None
    assert inline.children[-1].type == "code_inline"
    assert inline.children[-1].content == " ".join(text.split())


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_result_adds_nothing(text: str) -> None:
    safe = shape(render(report([named(samples.BERT, "x")]), Look()))
    assert shape(render(report([named(samples.BERT, text)]), Look())) == safe


def named(result: Result, text: str) -> Result:
    """A result every name of which is the text."""
    readout = result.readouts[0]
    assert readout.source is not None
    source = replace(readout.source, expression=text, function=text, file=text)
    readout = replace(readout, slice=f"{text}x", tensor=text, module=text, source=source)
    return replace(result, target=text, class_name=text, model_type=text, readouts=(readout,))


def shape(markdown: str) -> list[str]:
    """The blocks that a reader sees, and what is no text within them."""
    found = []
    for token in READER.parse(markdown):
        inline = [child.type for child in token.children or () if child.type not in ("text", "text_special")]
        found += [token.type, *inline]
    return found


def test_several_stand_in_a_matrix_and_fold() -> None:
    text = render(Report((samples.BERT, samples.GPT2), (Unanswered("nix", "no such | model"),)), Look())
    assert text.startswith("| model | kind | slice | status |\n")
    assert text.count("<details>") == text.count("</details>") == 2
    rows = [token for token in READER.parse(text) if token.type == "tr_open"]
    assert len(rows) >= 4
    assert "no such \\| model" in text


def test_mentions_are_broken() -> None:
    assert "@\N{WORD JOINER}everyone" in plain("hello @everyone")
    assert "#\N{WORD JOINER}12" in plain("as in #12")
