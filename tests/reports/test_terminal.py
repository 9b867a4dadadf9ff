"""The terminal form: golden files, 80 columns, nothing that a terminal would obey."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.cells import cell_len

from archtrace.answer.kinds import KINDS
from archtrace.answer.positions import Positions
from archtrace.answer.result import LayoutResult, Status
from archtrace_reports import formats
from archtrace_reports.text.look import Look
from archtrace_reports.text.report import Report, Unanswered

from .conftest import GOLDEN
from .samples import BERT, BOUND, EVIL, GPT2, SAMPLES, SEVERAL

terminal = formats.load("terminal")
table = formats.load("table")
ALL = Report(
    tuple(SAMPLES.values()),
    (Unanswered("layoutlmv2", "needs a package\n  where: here\n  why: detectron2 is missing\n  do: install it"),),
    {"transformers": "5.23.0"},
)


def answer(name: str, look: Look | None = None) -> str:
    return terminal.render(Report((SAMPLES[name],)), look or Look())


@pytest.mark.parametrize("name", SAMPLES)
def test_golden(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"{name}.txt", answer(name))


def test_golden_table(golden: Callable[[str, str], None]) -> None:
    golden("table.txt", table.render(ALL, Look()))


def test_every_golden_file_is_compared() -> None:
    handmade = {file.name for file in GOLDEN.iterdir() if not file.name.startswith("real_")}
    assert handmade == {f"{name}.txt" for name in [*SAMPLES, "table"]}


@pytest.mark.parametrize("width", [80, 60, 40])
@pytest.mark.parametrize("form", [terminal, table], ids=["terminal", "table"])
def test_nothing_is_wider_than_the_terminal(form: formats.Format, width: int) -> None:
    lines = form.render(ALL, Look(width)).splitlines()
    assert len(lines) > 20
    assert [line for line in lines if cell_len(line) > width] == []


@pytest.mark.parametrize("form", [terminal, table], ids=["terminal", "table"])
def test_plain_text_holds_no_control_characters(form: formats.Format) -> None:
    text = form.render(ALL, Look()).replace("\n", "")
    assert {c for c in text if unicodedata.category(c)[0] == "C"} == set()
    assert "[bold]x[/bold]" in text


def test_colour_adds_styles_and_changes_no_word() -> None:
    coloured = answer("hostile", Look(80, True))
    assert "\x1b[1m" in coloured
    assert EVIL not in coloured
    plain = "\n".join(_without_styles(line) for line in coloured.split("\n"))
    assert plain == answer("hostile")


def _without_styles(line: str) -> str:
    first, *others = line.split("\x1b[")
    return (first + "".join(part.partition("m")[2] for part in others)).rstrip()


def test_every_kind_has_words_and_a_whole_sentence() -> None:
    for kind in KINDS:
        changed = replace(BERT, readouts=(replace(BERT.readouts[0], kind=kind),))
        sentence = terminal.render(Report((changed,)), Look()).partition("\n\n")[0]
        assert sentence.startswith("BertForSequenceClassification reads ")
        assert sentence.endswith(".")
        assert "{" not in sentence


HEADLINES = {
    "bert": "BertForSequenceClassification reads only the final hidden state of the first token.",
    "gpt2": "GPT2ForSequenceClassification reads only the final hidden state of the last token that is not padding.",
    "bound": "OddForSequenceClassification reads no more than last_hidden_state[:, topk(scores)].",
    "several": "FirstAndMean reads only the final hidden state of the first token and the mean of hidden_states[3] "
    "over all tokens, padding included.",
    "nothing": "Blind reads no hidden state: no token reaches the logits.",
}


@pytest.mark.parametrize("name", HEADLINES)
def test_the_sentence_comes_first(name: str) -> None:
    assert " ".join(answer(name).partition("\n\n")[0].split()).startswith(HEADLINES[name])


def test_an_index_tells_what_it_looks_at() -> None:
    assert "    looks at input_ids, not at attention_mask\n" in answer("gpt2")
    assert "looks at" not in answer("bert")


def test_an_expression_that_the_slice_does_not_show_is_shown() -> None:
    changed = replace(GPT2, readouts=(replace(GPT2.readouts[0], slice="last_hidden_state[:, i]"),))
    text = terminal.render(Report((changed,)), Look())
    assert "    by argmax(arange(s) * (input_ids != pad_token_id))\n" in text


def test_a_position_without_a_witness_is_drawn_as_such() -> None:
    assert "full          ##??······· #?#?·······" in answer("bound")
    assert "? may (within the bound, without a witness)" in answer("bound")


def test_a_layout_without_a_witness_is_all_doubt() -> None:
    changed = replace(BOUND, layouts=(replace(BOUND.layouts[0], witness=None),))
    assert "????·······" in terminal.render(Report((changed,)), Look())


def test_shorter_layouts_are_counted_not_drawn() -> None:
    short = LayoutResult("short", {"input_ids": [[3, 4]]}, *_seen(), "exact")
    text = terminal.render(Report((replace(BERT, layouts=(*BERT.layouts, short)),)), Look())
    assert "and 1 shorter layout" in text
    assert "\n  short" not in text
    doubtful: Status = "bound"
    text = terminal.render(Report((replace(BERT, layouts=(*BERT.layouts, replace(short, status=doubtful))),)), Look())
    assert "\n  short         #·" in text


def _seen() -> tuple[Positions, Positions]:
    found = Positions({"last_hidden_state": ((0,),)}, ((0, 1),))
    return found, found


def test_positions_past_the_tokens_are_drawn_too() -> None:
    wide = Positions({"last_hidden_state": (tuple(range(60)),)}, ((0, 1),))
    layout = LayoutResult("full", {"input_ids": [[3, 4]]}, wide, wide, "exact")
    assert terminal.render(Report((replace(BERT, layouts=(layout,)),)), Look()).count("#") == 60 + 2 + 1


def test_answers_stand_apart() -> None:
    text = terminal.render(Report((BERT, SEVERAL)), Look())
    assert text == f"{answer('bert')}\n{'─' * 80}\n\n{answer('several')}"
    assert terminal.render(Report(), Look()) == ""


def test_the_table_counts_every_target_once() -> None:
    head, *groups = table.render(ALL, Look()).split("\n\n")
    assert head == "11 models: 9 exact, 1 with a bound, 1 not answered (transformers 5.23.0)"
    assert [group.split("\n")[0] for group in groups] == ["exact (9)", "bound (1)", "not answered (1)"]
    assert "needs a package: detectron2 is missing" in " ".join(groups[2].split())
    assert "install it" not in groups[2]


def test_layouts_that_look_alike_stand_once() -> None:
    twins = tuple(replace(BERT.layouts[1], name=name) for name in ("masked_tail", "third"))
    text = terminal.render(Report((replace(BERT, layouts=(*BERT.layouts, *twins)),)), Look())
    assert "                masked tail and third: as right padded\n" in text
    assert "\n  masked tail" not in text


def test_a_bound_claims_no_more_than_it_knows() -> None:
    assert "every token may reach the logits" in answer("bound")
    assert "every attended token reaches the logits" in answer("bert")
