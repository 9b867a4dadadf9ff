"""Diff: what differs between two answers, in words and beside each other. One file a format, `to_NAME.py`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from archtrace_reports.text.look import Look

if TYPE_CHECKING:
    from archtrace_reports.diff.compare import Difference

#: Every file of this folder; listing it would cost each start.
NAMES = ("html", "json", "markdown", "terminal")


class DiffFormat(Protocol):
    """What a file here offers: `render`, and the endings of file names that ask for it."""

    SUFFIXES: tuple[str, ...]

    def render(self, difference: Difference, look: Look) -> str:
        """The whole text, ending in a newline."""


def load(name: str) -> DiffFormat:
    """The format of that name."""
    return cast(DiffFormat, import_module(f"{__name__}.to_{name}"))


def endings() -> dict[str, str]:
    """Ending of a file's name -> the format that it asks for."""
    return {suffix: name for name in NAMES for suffix in load(name).SUFFIXES}
