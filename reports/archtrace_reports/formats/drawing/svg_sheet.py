"""A sheet: pictures below each other in one SVG file that stands by itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup

from archtrace.answer.result import Result
from archtrace_reports.formats.drawing.cone_svg import cone_picture
from archtrace_reports.formats.drawing.path_svg import path_drawing
from archtrace_reports.formats.drawing.templates import asset, render

#: Pixels for a note in place of a picture, and between two pictures.
NOTE, GAP = 32, 12
UNKNOWN = "nothing is known of how this model is built, so there is nothing to draw"


@dataclass(frozen=True)
class SheetPart:
    """A picture, or a note in its place, and its size in pixels."""

    svg: Markup
    note: str
    width: int
    height: int


@dataclass(frozen=True)
class PlacedPicture:
    """A part at its place."""

    svg: Markup
    note: str
    x: int
    y: int


def path_part(result: Result) -> SheetPart:
    """The path of a result."""
    if result.anatomy is None:
        return SheetPart(Markup(), f"{result.target}: {UNKNOWN}", 620, NOTE)
    drawn = path_drawing(result.anatomy.path, result.target)
    note = f"{result.target}: {drawn.problem}" if drawn.problem else ""
    return SheetPart(Markup(drawn.svg), note, drawn.width or 620, drawn.height or NOTE)


def cone_part(result: Result) -> SheetPart:
    """The cone of a result."""
    if result.anatomy is None:
        return SheetPart(Markup(), f"{result.target}: {UNKNOWN}", 620, NOTE)
    picture = cone_picture(result)
    return SheetPart(Markup(picture.svg), "", picture.width, picture.height)


def sheet(parts: Iterable[SheetPart]) -> str:
    """The SVG file."""
    placed, y, width = [], 0, 620
    for part in parts:
        placed.append(PlacedPicture(part.svg, part.note, 0, y))
        y, width = y + part.height + GAP, max(width, part.width)
    style = Markup(asset("file.css") + asset("cone.css") + asset("drawing.css"))
    return render("file.svg.j2", parts=placed, width=width, height=max(y - GAP, NOTE), style=style) + "\n"
