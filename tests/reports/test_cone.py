"""The cone: rows and signs as the result has them, nothing lost by folding."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archtrace import trace
from archtrace.answer.result import Result
from archtrace_reports.text.cone import cones, meanings, ranges
from archtrace_reports.text.cone_geometry import levels

from .conftest import REAL


@given(st.sets(st.integers(0, 60)))
def test_ranges_say_the_positions(positions: set[int]) -> None:
    said: set[int] = set()
    text = ranges(sorted(positions))
    for part in text.split(", ") if text != "none" else []:
        first, _, last = part.partition(" to ")
        said |= set(range(int(first), int(last or first) + 1))
    assert said == positions


def test_folding_loses_no_state(real: dict[str, Result]) -> None:
    for name in REAL:
        anatomy = real[name].anatomy
        assert anatomy is not None
        drawn = [layout for layout in cones(real[name]) if layout.rows]
        assert drawn
        for layout in drawn:
            assert sum(row.alike for row in layout.rows) == len(anatomy.states), (name, layout.name)


def test_signs_are_those_of_the_bound_and_of_padding(real: dict[str, Result]) -> None:
    for result in real.values():
        assert result.anatomy is not None
        slices = {found.layout.replace("_", " "): found for found in result.anatomy.slices}
        for layout in (layout for layout in cones(result) if layout.rows):
            reaching, padding = slices[layout.name].reaching[0], slices[layout.name].padding
            for number, cells in enumerate(layout.rows[0].cells):
                reached = tuple(p for p, sign in enumerate(cells) if sign in ("yes", "leak", "may"))
                assert reached == reaching[number]
                assert {p for p, sign in enumerate(cells) if sign in ("pad", "leak")} == set(padding[number])


def test_encoder_and_decoder_stay_apart(real: dict[str, Result]) -> None:
    rows = [row.name for row in cones(real["bart"])[0].rows]
    assert rows[1:4] == [
        "encoder.hidden_states[0] to [5]",
        "encoder.last_hidden_state",
        "decoder.hidden_states[0] to [5]",
    ]


def test_what_no_witness_saw_may_reach(real: dict[str, Result]) -> None:
    from dataclasses import replace

    unseen = replace(real["bert"], layouts=tuple(replace(layout, witness=None) for layout in real["bert"].layouts))
    row = next(row for row in cones(unseen)[0].rows if row.role == "read")
    assert row.cells[0][0] == "may"
    assert set(row.cells[0][1:]) == {"no"}


@pytest.fixture(scope="module")
def window() -> Result:
    """A token classifier whose attention looks two tokens back, so that each layer sees two more."""
    small = {"num_hidden_layers": 4, "hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4}
    overrides = small | {"num_key_value_heads": 2, "sliding_window": 3}
    return trace("mistral", head="token-classification", overrides=overrides).result


def test_layers_fold_where_they_are_alike_for_each_position(window: Result) -> None:
    rows = {row.name: row for row in cones(window)[0].rows}
    reached = [rows[f"hidden_states[{n}]"].each[10][0] for n in range(4)]
    assert reached == [tuple(range(2, 11)), tuple(range(4, 11)), tuple(range(6, 11)), tuple(range(8, 11))]
    assert rows["last_hidden_state"].each[10][0] == (10,)
    assert len(rows["logits"].cells[0]) == len(rows["last_hidden_state"].each)


def test_padding_that_reaches_padding_alone_is_no_leak(window: Result, real: dict[str, Result]) -> None:
    assert meanings(window)["leak"] == "padding, reaches the logits of padding alone"
    assert all(layout.marks == () for layout in cones(window))
    assert meanings(real["fnet"])["leak"] == "padding, reaches the logits"


def test_marks_say_what_padding_does(real: dict[str, Result]) -> None:
    assert {layout.name: layout.marks for layout in cones(real["bert"])}["left padded"] == ("read",)
    assert {layout.name: layout.marks for layout in cones(real["fnet"])}["right padded"] == ("leak",)
    assert {layout.name: layout.marks for layout in cones(real["fnet"])}["left padded"] == ("read", "leak")
    assert {layout.name: layout.marks for layout in cones(real["bert"])}["full"] == ()


def test_layouts_that_look_the_same_stand_once(real: dict[str, Result]) -> None:
    alike = 0
    for result in real.values():
        drawn = {layout.name: layout for layout in cones(result)}
        for layout in drawn.values():
            if layout.as_:
                alike += 1
                assert (drawn[layout.as_].rows, drawn[layout.as_].as_) == (layout.rows, "")
                assert (drawn[layout.as_].columns, drawn[layout.as_].marks) == (layout.columns, layout.marks)
    assert alike


def test_rays_lead_from_all_that_is_lit_to_what_is_read_and_to_the_vector(real: dict[str, Result]) -> None:
    for name in ("bert", "gpt2", "bart", "modernbert"):
        layout = next(layout for layout in cones(real[name]) if layout.name == "right padded")
        placed = {level.row.role: level for level in levels(layout, 1)}
        below, read = [level for level in levels(layout, 1) if level.row.role in ("hidden", "read")][1::-1]
        first = next(result for result in real[name].layouts if result.name == "right_padded")
        reads = first.bound.reads["last_hidden_state"][1]
        assert read.lit == [position + 0.5 for position in reads]
        assert read.beam is not None
        assert [start for start, _ in read.beam.rays] == read.lit
        if len(reads) == 1:
            assert below.beam is not None
            assert below.beam.rays == tuple((x, reads[0] + 0.5) for x in below.lit)
        assert placed["logits"].beam is None


def test_choices_of_one_question_lead_to_one_vector() -> None:
    result = trace("bert", head="multiple-choice", overrides={"num_hidden_layers": 1}).result
    layout = cones(result)[0]
    texts = [levels(layout, text) for text in range(layout.texts)]
    assert len(texts) == 6
    assert {len(text) for text in texts} == {5}


def test_the_samples_of_a_sound_stand_as_one() -> None:
    result = trace("wav2vec2", head="audio-classification", overrides={"num_hidden_layers": 1}).result
    row = cones(result)[0].rows[0]
    assert (row.name, row.cells) == ("input_values", (("yes",), ("yes",)))
