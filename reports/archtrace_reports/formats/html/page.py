"""The page: templates filled in, style and script inlined, and a policy that lets nothing else in."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from archtrace.answer.positions import runs
from archtrace_reports.formats.drawing.templates import asset
from archtrace_reports.formats.html.strip import STRIP
from archtrace_reports.text.cone import MARKS, ConeLayout, Sign
from archtrace_reports.text.cone_geometry import levels
from archtrace_reports.text.wording import count

HERE = Path(__file__).parent
#: sign -> class of its cells: one letter, since a page has thousands.
CLASSES: dict[Sign, str] = {"yes": "y", "no": "n", "pad": "p", "leak": "l", "may": "m"}
#: sign -> the character in its cells, as in the terminal: for a page without its style, and for copied text.
SIGNS: dict[Sign, str] = {"yes": "#", "no": "·", "pad": "-", "leak": "!", "may": "?"}


def fill(template: str, **values: Any) -> str:
    """A whole page. Every value is escaped but for drawings, which are rebuilt from what is allowed."""
    return render(template, style=Markup(style()), script=Markup(script()), policy=_policy(style(), script()), **values)


def render(template: str, **values: Any) -> str:
    """A template filled in, escaped as a page is; without style and script, which a site has in files of its own."""
    return environment().get_template(template).render(**values)


def style() -> str:
    """The style sheet of a page and of any site that shows models: their elements are within `.archtrace`."""
    return model_style() + text("page.css")


def model_style() -> str:
    """The part of the style sheet for models, to be put into other pages."""
    return text("colours.css") + text("model.css") + f".archtrace {{\n{asset('drawing.css')}}}\n"


def script() -> str:
    """The script of a page: what cones do, and what the matrix does."""
    return text("cone.js") + text("page.js")


@cache
def text(name: str) -> str:
    """A file of the page's own, without comments and indentation: a page of many models is large enough."""
    code = re.sub(r"/\*.*?\*/|^\s*//.*?$", "", (HERE / "assets" / name).read_text("utf-8"), flags=re.S | re.M)
    return "".join(f"{line.strip()}\n" for line in code.splitlines() if line.strip())


def _policy(style: str, script: str) -> str:
    """Nothing but this very style and this very script."""
    return (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def environment(*folders: Path) -> Environment:
    """The templates of the pages, behind those of other folders, with what all of them call."""
    made = Environment(
        loader=FileSystemLoader([*folders, HERE / "templates"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    tables = {"CLASSES": CLASSES, "SIGNS": SIGNS, "MARKS": MARKS, "STRIP": STRIP}
    made.globals |= tables | {"levels": levels, "reaching": reaching}
    made.filters |= {"drawn": Markup, "count": count, "size": _size, "shape": _shape, "broken": broken}
    return made


def broken(name: str) -> Markup:
    """A name that may break behind the end of each of its parts, and nowhere else."""
    return Markup(re.sub(r"([/\-_.])(?=\w)", r"\1<wbr>", str(escape(name))))


def reaching(layout: ConeLayout, text: int, position: int) -> str:
    """What reaches a position of the output, for the script: "0:0-16 2:3,5", the number of each row and its runs."""
    numbered = ((row.number, row.each[position]) for row in layout.rows if row.each)
    return " ".join(f"{number}:{_runs(rows[text])}" for number, rows in numbered if text < len(rows))


def _runs(positions: Sequence[int]) -> str:
    return ",".join(f"{first}-{last}" if last > first else str(first) for first, last in runs(positions))


def _size(number: int) -> str:
    """1234567 -> "1.2 M": parameters."""
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return str(number)


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))
