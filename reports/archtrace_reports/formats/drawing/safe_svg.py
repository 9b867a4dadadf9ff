"""Safe SVG: what dot drew, rebuilt from what is allowed. Colours go, so that a style sheet can give them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from archtrace_reports.formats.drawing.graphviz_program import UndrawnError

#: element -> the attributes that it keeps. Titles go: a graph's keys mean nothing to people.
ALLOWED = {
    "g": ("class", "transform"),
    "path": ("d", "stroke-dasharray"),
    "polygon": ("points", "stroke-dasharray"),
    "polyline": ("points", "stroke-dasharray"),
    "ellipse": ("cx", "cy", "rx", "ry"),
    "text": ("x", "y", "text-anchor"),
}


@dataclass(frozen=True)
class SafeSvg:
    """Markup without style, links, scripts or colours, and its size in pixels: one for each point."""

    markup: str
    width: int
    height: int


def safe(svg: str, title: str) -> SafeSvg:
    """The same drawing, of allowed elements alone. Raises UndrawnError where it is no SVG."""
    try:
        root = ET.fromstring(re.sub(r"<!DOCTYPE[^>\[]*>", "", svg))
    except ET.ParseError as error:
        raise UndrawnError(f"dot's drawing cannot be read ({error})") from None
    box = root.get("viewBox", "0 0 0 0")
    width, height = (round(float(number)) for number in box.split()[2:])
    made = ET.Element("svg", {"class": "drawing", "viewBox": box, "width": str(width), "height": str(height),
                              "role": "img", "aria-label": title})  # fmt: skip
    made.extend(child for child in map(_allowed, root) if child is not None)
    return SafeSvg(ET.tostring(made, "unicode"), width, height)


def _allowed(element: ET.Element) -> ET.Element | None:
    """An element with what is allowed of it; None for one that is not, or for the sheet below the drawing."""
    name = element.tag.rpartition("}")[2]
    if name not in ALLOWED or (name == "polygon" and element.get("stroke") in ("none", "transparent")):
        return None
    made = ET.Element(name, {k: element.attrib[k] for k in ALLOWED[name] if k in element.attrib})
    made.text = element.text if name == "text" else None
    made.extend(child for child in map(_allowed, element) if child is not None)
    return made
