"""The small drawing of an answer: each cell is what the layouts say of its position."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from archtrace.answer.result import LayoutResult, Result
from archtrace_reports.atlas.site.layout_strip import CELL, LEFT, LINE, LayoutStrip, strip
from archtrace_reports.text.report import Report

REACHES, NOT, PADDING, LEAKS, MAY = "y", "n", "p", "l", "m"


def cells(drawn: LayoutStrip) -> dict[tuple[int, int], str]:
    """Sign by left edge and line of each cell that a path dashes."""
    return {
        (int(x) + CELL * number, int(y)): kind
        for kind, path in drawn.paths.items()
        for x, y, width in re.findall(r"M(\d+) (\d+)h(\d+)", path)
        for number in range(int(width) // CELL)
    }


def signs(layout: LayoutResult, tensor: str, row: int) -> Iterator[str]:
    """What the answer itself says of each position of a read tensor."""
    assert layout.witness is not None
    padded = layout.padding.get(tensor, ((),) * 2)[row]
    for position in range(len(layout.inputs["input_ids"][row])):
        if position in layout.bound.reads[tensor][row]:
            shown = position in layout.witness.reads[tensor][row]
            yield (LEAKS if position in padded else REACHES) if shown else MAY
        else:
            yield PADDING if position in padded else NOT


@pytest.mark.parametrize("name", ["bert", "gpt2", "fnet"])
def test_the_cells_are_what_the_layouts_say(name: str, newer: Report) -> None:
    result = next(result for result in newer.results if result.model_type == name)
    drawn = strip(result)
    assert drawn is not None
    found, places = cells(drawn), {label.text: label.y for label in drawn.labels if label.x == 0}
    assert {"full", "right padded", "left padded"} <= places.keys()
    for layout in result.layouts:
        top = places.get(layout.name.replace("_", " "))
        if top is None:  # it looks like another one, which a note says
            assert any(layout.name.replace("_", " ") in note for note in drawn.notes)
            continue
        for row in range(2 if layout.name != "full" else 1):
            expected = list(signs(layout, result.readouts[0].tensor, row))
            assert [found[LEFT + CELL * n, top - 4 + LINE * row] for n in range(len(expected))] == expected


def test_an_answer_without_a_witness_is_drawn_as_a_bound(newer: Report) -> None:
    result: Result = newer.results[0]
    blind = replace(result, layouts=tuple(replace(each, witness=None) for each in result.layouts))
    drawn = strip(blind)
    assert drawn is not None
    assert (MAY in drawn.paths, REACHES in drawn.paths) == (True, False)
    assert "may reach them" in [meaning for _, meaning in drawn.legend]


def test_what_has_no_layouts_has_no_drawing(newer: Report) -> None:
    assert strip(replace(newer.results[0], layouts=())) is None
