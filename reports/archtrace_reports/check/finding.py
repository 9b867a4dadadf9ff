"""Finding: one line of a check's answer, and what a whole check found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

#: Codes of the check itself, beside those of the rules -> name.
OWN: Mapping[str, str] = {"AT000": "does-not-parse", "AT099": "unused-noqa"}
#: What they mean.
SUMMARIES: Mapping[str, str] = {
    "AT000": "A file cannot be read, or is no Python that can be parsed; it was not checked.",
    "AT099": "A noqa comment names a code of archtrace that nothing on its line has; the comment can go.",
}


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
        return f"{self.path}:{cell}{self.line}:{self.col}"

    @property
    def said(self) -> str:
        """The message; in a notebook it tells the place too, for formats whose lines are those of the file."""
        return f"cell {self.cell}, line {self.line}: {self.message}" if self.cell else self.message


class Found(NamedTuple):
    """What a check found: in how many files, what could not be run (a sentence each), what is no more.

    `fixed` findings were mended, `stale` entries of the baseline match nothing now.
    """

    findings: tuple[Finding, ...]
    files: int
    failures: tuple[str, ...] = ()
    fixed: int = 0
    stale: int = 0
