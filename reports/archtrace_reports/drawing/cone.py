"""The cone as an SVG picture: a panel a layout, states down, positions across, both rows of the batch."""

from __future__ import annotations

from dataclasses import dataclass

from archtrace.answer.result import Result
from archtrace_reports.cone import MEANINGS, ConeLayout, ConeRow, Sign, cones
from archtrace_reports.drawing.templates import render
from archtrace_reports.words import headline

#: Pixels: a cell, the room for names, between the rows of the batch, around all, a line of text.
CELL, NAMES, GAP, MARGIN, LINE = 15, 230, 26, 16, 18
#: The widest title, in characters.
TITLE = 96


@dataclass(frozen=True)
class Mark:
    """One position: its sign and the middle of its cell."""

    sign: Sign
    x: int
    y: int


@dataclass(frozen=True)
class Named:
    """A row's name and note, and the height of its line."""

    name: str
    note: str
    y: int


@dataclass(frozen=True)
class Panel:
    """A layout: its heading, names at the left, marks; `y` is its top and `bottom` its end."""

    heading: str
    y: int
    bottom: int
    names: tuple[Named, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Picture:
    """Markup of `width` by `height` pixels."""

    svg: str
    width: int
    height: int


def cone_picture(result: Result) -> Picture:
    """The layouts that look different, one below the other, under the sentence. Without an anatomy, that alone."""
    drawn = [layout for layout in cones(result) if not layout.as_ and layout.rows]
    title = [headline(result)] if len(headline(result)) <= TITLE else _halves(headline(result))
    top = MARGIN + LINE * (len(title) + 1)
    panels: list[Panel] = []
    for layout in drawn:
        panels.append(_panel(layout, panels[-1].bottom + LINE if panels else top))
    signs = [sign for sign in MEANINGS if any(sign in layout.signs for layout in drawn)]
    bottom = panels[-1].bottom + LINE if panels else top
    height = bottom + LINE * len(signs) + MARGIN
    width = max([620, *(mark.x + CELL for panel in panels for mark in panel.marks)]) + MARGIN
    legend = [(sign, MEANINGS[sign], bottom + LINE * n) for n, sign in enumerate(signs)]
    svg = render("cone.svg.j2", title=title, panels=panels, legend=legend, width=width, height=height,
                 line=LINE, margin=MARGIN, label=f"Which positions reach the logits: {headline(result)}")  # fmt: skip
    return Picture(svg, width, height)


def _halves(text: str) -> list[str]:
    cut = text.rfind(" ", 0, TITLE)
    return [text[:cut], *([text[cut + 1 :]] if len(text) - cut <= TITLE else _halves(text[cut + 1 :]))]


def _panel(layout: ConeLayout, top: int) -> Panel:
    first = top + LINE + 4
    names = tuple(Named(row.name, row.note, first + CELL * n) for n, row in enumerate(layout.rows))
    marks = tuple(mark for n, row in enumerate(layout.rows) for mark in _marks(row, layout, first + CELL * n))
    return Panel(layout.name, top, first + CELL * len(layout.rows), names, marks)


def _marks(row: ConeRow, layout: ConeLayout, y: int) -> list[Mark]:
    """The cells of a row, those of the batch's rows side by side. A vector stands in the middle."""
    marks = []
    widest = max(len(other.cells[0]) for other in layout.rows)
    for number, cells in enumerate(row.cells):
        start = MARGIN + NAMES + number * (widest * CELL + GAP)
        shift = (widest - 1) // 2 if len(cells) == 1 < widest else 0
        marks += [Mark(sign, start + CELL * (shift + p), y) for p, sign in enumerate(cells)]
    return marks
