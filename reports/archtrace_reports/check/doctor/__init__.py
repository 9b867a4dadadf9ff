"""Formats of the doctor: one file a format, `to_NAME.py`, with one function from a diagnosis to text."""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from archtrace.answer.diagnosis import Diagnosis
from archtrace_reports.text.look import Look

#: Every file of this folder; listing it would cost each start.
NAMES = ("json", "markdown", "sarif", "terminal")


class DoctorFormat(Protocol):
    """What a file here offers: `render`, and the endings of file names that ask for it."""

    SUFFIXES: tuple[str, ...]

    def render(self, diagnosis: Diagnosis, look: Look) -> str:
        """The whole text, ending in a newline."""


def load(name: str) -> DoctorFormat:
    """The format of that name."""
    return cast(DoctorFormat, import_module(f"{__name__}.to_{name}"))


def endings() -> dict[str, str]:
    """Ending of a file's name -> the format that it asks for."""
    return {suffix: name for name in NAMES for suffix in load(name).SUFFIXES}
