"""Strip: the layouts of an answer as a drawing of a few lines, so small that a page may hold many.

A line a layout, a cell a position. Each sign is one path over the whole drawing: a run of cells is one stroke, which
the style sheet dashes into cells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby

from archtrace.answer.result import Result
from archtrace_reports.formats.html.page import CLASSES
from archtrace_reports.text.picture import Drawn, strips

#: Pixels from a cell to the next, from a line to the next, between layouts, left of all cells, above them.
CELL, LINE, GAP, LEFT, TOP = 10, 14, 8, 110, 22
#: Sign of the picture -> its class, and what it means; in the order of the legend.
SIGNS: Mapping[str, tuple[str, str]] = {
    "#": (CLASSES["yes"], "reaches the logits"),
    "·": (CLASSES["no"], "does not"),
    "-": (CLASSES["pad"], "padding, does not"),
    "!": (CLASSES["leak"], "padding, and does"),
    "?": (CLASSES["may"], "may reach them"),
}
#: A drawing of more cells side by side shows nothing.
WIDEST = 600


@dataclass(frozen=True)
class StripText:
    """Text at a place of the drawing."""

    x: int
    y: int
    text: str


@dataclass(frozen=True)
class LayoutStrip:
    """The drawing: `paths` by class, `legend` the class and meaning of each sign that occurs, `notes` on layouts that
    look like one of these."""

    width: int
    height: int
    labels: tuple[StripText, ...]
    paths: Mapping[str, str]
    legend: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def strip(result: Result) -> LayoutStrip | None:
    """The drawing of an answer; None where there is nothing to draw, or too much."""
    names, drawn, notes = strips(result)
    drawn = [each for each in drawn if each.cells]
    if not drawn:
        return None
    widths = [max(len(part) for each in drawn for part in each.cells[i].split(" ")) for i in range(len(names))]
    if sum(widths) > WIDEST:
        return None
    starts = [*accumulate((width * CELL + CELL * 2 for width in widths), initial=LEFT)]
    tops = [*accumulate((_lines(each) * LINE + GAP for each in drawn), initial=TOP)]
    labels = [StripText(x, 11, name) for x, name in zip(starts, names, strict=False)]
    labels += [StripText(0, y + 9, each.name) for y, each in zip(tops, drawn, strict=False)]
    paths = _paths(drawn, starts, tops)
    return LayoutStrip(starts[-1], tops[-1], tuple(labels), paths, _legend(paths), tuple(notes))


def _lines(drawn: Drawn) -> int:
    return max(cells.count(" ") + 1 for cells in drawn.cells)


def _legend(paths: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((kind, meaning) for kind, meaning in SIGNS.values() if kind in paths)


def _paths(drawn: Sequence[Drawn], starts: Sequence[int], tops: Sequence[int]) -> dict[str, str]:
    paths: dict[str, str] = {}
    for each, top in zip(drawn, tops, strict=False):
        for cells, left in zip(each.cells, starts, strict=False):
            for number, line in enumerate(cells.split(" ")):
                for sign, stroke in _strokes(line, left, top + number * LINE + 5):
                    kind = SIGNS[sign][0]
                    paths[kind] = paths.get(kind, "") + stroke
    return paths


def _strokes(line: str, left: int, y: int) -> Iterator[tuple[str, str]]:
    """For each run of a sign a stroke along its cells."""
    at = 0
    for sign, run in groupby(line):
        size = len([*run])
        yield sign, f"M{left + at * CELL} {y}h{size * CELL}"
        at += size
