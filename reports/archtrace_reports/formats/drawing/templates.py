"""Templates of pictures, and the style sheets that stand in files of their own."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

HERE = Path(__file__).parent


def render(name: str, **values: Any) -> str:
    """A template filled in; every value is escaped but for markup of our own."""
    return _environment().get_template(name).render(**values)


def asset(name: str) -> str:
    """A style sheet."""
    return (HERE / "assets" / name).read_text("utf-8")


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
