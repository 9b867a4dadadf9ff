"""The cone as an SVG picture: a panel a layout, tokens at the bottom, logits on top, the texts side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from archtrace.answer.positions import runs
from archtrace.answer.result import Result
from archtrace_reports.formats.drawing.templates import render
from archtrace_reports.text.cone import MARKS, ConeLayout, Sign, cones, meanings
from archtrace_reports.text.cone_geometry import LIT, Beam, Level, levels
from archtrace_reports.text.wording import headline

#: Pixels: a cell, the room for names, between texts, around all, a line of text.
CELL, NAMES, GAP, MARGIN, LINE = 16, 230, 30, 16, 18
#: Pixels between two rows: where one narrows to a single cell, and where it leads straight on.
FAN, STRAIGHT = 30, 10
#: Pixels of a letter of a token, and the longest token that is written out.
LETTER, LONGEST = 6.6, 14
#: The widest title, in characters.
TITLE = 96


@dataclass(frozen=True)
class PlacedSign:
    """One position: its sign and the middle of its cell."""

    sign: Sign
    x: float
    y: float


@dataclass(frozen=True)
class Box:
    """What lies behind cells, or a vector with the number of its elements: left, middle, width, and its look."""

    look: str
    x: float
    y: float
    width: float
    size: str = ""


@dataclass(frozen=True)
class Label:
    """A text: a row's name, with its note, at the left; the number or the token of a position below it."""

    text: str
    x: float
    y: float
    note: str = ""
    look: str = ""


@dataclass(frozen=True)
class Panel:
    """A layout: its heading at `y`, and its shapes down to `bottom`. `beams` are pairs of paths: what is lit, rays."""

    heading: str
    y: float
    bottom: float
    names: tuple[Label, ...]
    boxes: tuple[Box, ...]
    beams: tuple[tuple[str, str], ...]
    marks: tuple[PlacedSign, ...]
    numbers: tuple[Label, ...]
    tokens: tuple[Label, ...]


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
    top: float = MARGIN + LINE * (len(title) + 1)
    panels: list[Panel] = []
    for layout in drawn:
        panels.append(_panel(layout, panels[-1].bottom + LINE if panels else top))
    bottom = panels[-1].bottom + LINE if panels else top
    legend = [(sign, text, bottom + LINE * n) for n, (sign, text) in enumerate(_legend(result, drawn))]
    height = round(bottom + LINE * len(legend) + MARGIN)
    width = max([620, *(MARGIN + NAMES + layout.texts * _stride(layout) - GAP for layout in drawn)]) + MARGIN
    label = f"Which positions reach the logits: {headline(result)}"
    svg = render("cone.svg.j2", title=title, panels=panels, legend=legend, width=width, height=height,
                 cell=CELL, margin=MARGIN, label=label)  # fmt: skip
    return Picture(svg, width, height)


def _halves(text: str) -> list[str]:
    cut = text.rfind(" ", 0, TITLE)
    return [text[:cut], *([text[cut + 1 :]] if len(text) - cut <= TITLE else _halves(text[cut + 1 :]))]


def _legend(result: Result, drawn: Sequence[ConeLayout]) -> list[tuple[Sign, str]]:
    return [(sign, text) for sign, text in meanings(result).items() if any(sign in layout.signs for layout in drawn)]


def _stride(layout: ConeLayout) -> int:
    """Pixels from one text to the next."""
    return layout.widest * CELL + GAP


def _panel(layout: ConeLayout, top: float) -> Panel:
    texts = [levels(layout, text) for text in range(layout.texts)]
    lefts = [MARGIN + NAMES + number * _stride(layout) for number in range(layout.texts)]
    heights = _heights(texts, top + LINE + 6)
    placed = [(level, left, y) for text, left in zip(texts, lefts, strict=True)
              for level, y in zip(text, heights, strict=True)]  # fmt: skip
    names = tuple(
        Label(_name(level), MARGIN + 10, y, level.row.note, level.row.role)
        for level, y in zip(texts[0], heights, strict=True)
    )
    below = heights[-1] + CELL
    numbers = tuple(Label(str(p), left + CELL * (p + 0.5), below) for left in lefts for p in range(layout.widest))
    tokens = tuple(_tokens(layout, lefts, below + CELL / 2))
    longest = max((len(token.text) for token in tokens), default=0)
    return Panel(
        "; ".join([layout.name, *(MARKS[mark] for mark in layout.marks)]),
        top,
        below + CELL / 2 + longest * LETTER,
        names,
        tuple(box for level, left, y in placed for box in _boxes(level, left, y)),
        tuple(_beams(texts, lefts, heights)),
        tuple(mark for level, left, y in placed for mark in _marks(level, left, y)),
        numbers,
        tokens,
    )


def _name(level: Level) -> str:
    return f"{level.row.name}  ×{level.row.alike}" if level.row.alike > 1 else level.row.name


def _heights(texts: Sequence[Sequence[Level]], y: float) -> list[float]:
    """The middle of each row: the texts share them, with as much room between two as the widest beam takes."""
    heights = [y]
    for below in list(zip(*texts, strict=True))[1:]:
        heights.append(heights[-1] + CELL + max(_room(level.beam) for level in below))
    return heights


def _room(beam: Beam | None) -> int:
    if beam is None:
        return 0
    return FAN if len(beam.rays) > 1 else STRAIGHT


def _beams(
    texts: Sequence[Sequence[Level]], lefts: Sequence[int], heights: Sequence[float]
) -> Iterator[tuple[str, str]]:
    for text, left in zip(texts, lefts, strict=True):
        for level, below, above in zip(text[1:], heights[1:], heights, strict=False):
            if level.beam:
                place = (CELL, left, above + CELL / 2, below - CELL / 2)
                yield level.beam.hull(*place), level.beam.lines(*place)


def _boxes(level: Level, left: float, y: float) -> Iterator[Box]:
    """A vector, or the paper behind the cells that are lit."""
    if level.span > 1:
        yield Box(level.cells[0], left + CELL * level.start, y, CELL * level.span, str(level.row.size or ""))
        return
    lit = [p for p, sign in enumerate(level.cells) if sign in LIT]
    look = "picked" if level.row.role == "read" else "hull"
    for first, last in runs(lit):
        yield Box(look, left + CELL * first, y, CELL * (last - first + 1))


def _marks(level: Level, left: float, y: float) -> Iterator[PlacedSign]:
    if level.span == 1:
        yield from (PlacedSign(sign, left + CELL * (p + 0.5), y) for p, sign in enumerate(level.cells))


def _tokens(layout: ConeLayout, lefts: Sequence[int], y: float) -> Iterator[Label]:
    """The tokens below their positions, read downwards; a long one is cut."""
    for left, row in zip(lefts, layout.columns, strict=False):
        for position, (token, read) in enumerate(row):
            short = token if len(token) <= LONGEST else f"{token[: LONGEST - 1]}…"
            yield Label(short, left + CELL * (position + 0.5), y, look="picked" if read else "")
