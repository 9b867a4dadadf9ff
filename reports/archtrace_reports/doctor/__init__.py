"""Formats of the doctor: one file a format, `to_NAME.py`, with one function from a diagnosis to text."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from archtrace.answer.diagnosis import Diagnosis
from archtrace_reports.formats import longest_ending
from archtrace_reports.look import Look

#: Every file of this folder; listing it would cost each start.
NAMES = ("json", "markdown", "sarif", "terminal")


class Format(Protocol):
    """What a file here offers: `render`, and the endings of file names that ask for it."""

    SUFFIXES: tuple[str, ...]

    def render(self, found: Diagnosis, look: Look) -> str:
        """The whole text, ending in a newline."""


def load(name: str) -> Format:
    """The format of that name."""
    return cast(Format, import_module(f"{__name__}.to_{name}"))


def named_by(file: Path) -> str | None:
    """The format that a file name's ending asks for."""
    return longest_ending(file, {suffix: name for name in NAMES for suffix in load(name).SUFFIXES})
