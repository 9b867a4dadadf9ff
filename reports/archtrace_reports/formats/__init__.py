"""Formats: one file a format, `to_NAME.py`, with one function from a report to text. A new file is a new format."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from archtrace_reports.text.look import Look
from archtrace_reports.text.report import Report

_PREFIX = "to_"


class Format(Protocol):
    """What a file here offers: `render`, the endings of file names that ask for it, and whether it draws what an
    anatomy holds."""

    SUFFIXES: tuple[str, ...]
    DRAWN: bool

    def render(self, report: Report, look: Look) -> str:
        """The whole text, ending in a newline."""


def names() -> list[str]:
    """Every format, found by listing this folder: nothing is imported."""
    modules = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(name.removeprefix(_PREFIX) for name in modules if name.startswith(_PREFIX))


def load(name: str) -> Format:
    """The format of that name."""
    return cast(Format, import_module(f"{__name__}.{_PREFIX}{name}"))


def endings() -> dict[str, str]:
    """Ending of a file's name -> the format that it asks for."""
    return {suffix: name for name in names() for suffix in load(name).SUFFIXES}


def named_by(file: Path) -> str | None:
    """The format that a file name's ending asks for; of several the longest: ".cone.svg" is more than ".svg"."""
    return longest_ending(file, endings())


def longest_ending(file: Path, named: Mapping[str, str]) -> str | None:
    """What the longest of the endings that a file name has stands for."""
    endings = [suffix for suffix in named if file.name.lower().endswith(suffix)]
    return named[max(endings, key=len)] if endings else None
