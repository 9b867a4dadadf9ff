"""Finding: one line of a check's answer, and what a whole check found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

#: Codes of the check itself, beside those of the rules -> name.
OWN: Mapping[str, str] = {"AT000": "does-not-parse", "AT099": "unused-noqa"}


class Finding(NamedTuple):
    """Lines and columns count from 1, the end is exclusive. `cell` is the number of a notebook's cell, 0 elsewhere."""

    path: str
    line: int
    col: int
    end_line: int
    end_col: int
    code: str
    message: str
    function: str = ""
    text: str = ""
    cell: int = 0
    fixable: bool = False

    @property
    def place(self) -> str:
        """path:line:col, in a notebook path:cell N:line:col."""
        cell = f"cell {self.cell}:" if self.cell else ""
        return f"{shown(self.path)}:{cell}{self.line}:{self.col}"


def shown(path: str) -> str:
    """A path for people: bytes of a name that are no text are told as numbers."""
    if path.isascii():
        return path
    from os import fsencode

    return fsencode(path).decode("utf-8", "backslashreplace")


class Found(NamedTuple):
    """What a check found: in how many files, what could not be run (a sentence each)."""

    findings: tuple[Finding, ...]
    files: int
    failures: tuple[str, ...] = ()
    fixed: int = 0
