"""The path as an SVG drawing; without a dot program, the reason in its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from archtrace_reports.formats.drawing.dot import dot_source
from archtrace_reports.formats.drawing.graphviz_program import UndrawnError, svg_of
from archtrace_reports.formats.drawing.safe_svg import safe

if TYPE_CHECKING:
    from archtrace.answer.drawing import Path


@dataclass(frozen=True)
class Drawing:
    """`svg` is safe markup of `width` by `height` pixels; where it is empty, `problem` says why in one sentence."""

    svg: str
    problem: str = ""
    width: int = 0
    height: int = 0


def path_drawing(path: Path, name: str) -> Drawing:
    """Draw a path; `name` is the drawing's title and makes its ids its own."""
    if not path.nodes:
        return Drawing("", "there is no way from the tokens to the logits to draw")
    try:
        drawn = safe(svg_of(dot_source(path, name)), f"The path of {name} from the read tensor to the logits")
    except UndrawnError as reason:
        return Drawing("", str(reason))
    return Drawing(drawn.markup, "", drawn.width, drawn.height)
