"""The page: templates filled in, style and script inlined, and a policy that lets nothing else in."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from archtrace_reports.cone import MEANINGS
from archtrace_reports.drawing.templates import asset
from archtrace_reports.words import count

HERE = Path(__file__).parent
#: sign -> class of its cells: one letter, since a page has thousands.
CLASSES = {"yes": "y", "no": "n", "pad": "p", "leak": "l", "may": "m"}


def fill(template: str, **values: Any) -> str:
    """A whole page. Every value is escaped but for drawings, which are rebuilt from what is allowed."""
    look, does = style(), script()
    return (
        environment()
        .get_template(template)
        .render(style=Markup(look), script=Markup(does), policy=_policy(look, does), **values)
    )


def style() -> str:
    """The style of every page."""
    return _text("page.css") + asset("drawing.css")


def script() -> str:
    """What every page does beyond showing."""
    return _text("page.js")


def _policy(style: str, script: str) -> str:
    """Nothing but this very style and this very script."""
    return (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _text(name: str) -> str:
    return (HERE / "assets" / name).read_text("utf-8")


@cache
def environment(*folders: Path) -> Environment:
    """The templates of the pages, after those of other folders, with what all of them call."""
    made = Environment(
        loader=FileSystemLoader([*folders, HERE / "templates"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"CLASSES": CLASSES, "MEANINGS": MEANINGS}
    made.filters |= {"drawn": Markup, "count": count, "size": _size, "shape": _shape}
    return made


def _size(number: int) -> str:
    """1234567 -> "1.2 M": parameters."""
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return str(number)


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))
