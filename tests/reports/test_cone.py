"""The cone: rows and signs as the result has them, nothing lost by folding."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from archtrace.answer.result import Result
from archtrace_reports.cone import cones, ranges

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
        for layout in cones(real[name]):
            if layout.rows:
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
