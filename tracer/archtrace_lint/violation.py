"""Findings of rules, with their places in a file."""

from __future__ import annotations

from typing import NamedTuple


# Tuples and no dataclasses: `dataclasses` imports the slow `inspect`, and a hook starts for each commit.
class Edit(NamedTuple):
    """Put `text` for `old`, which spans these lines and columns (both from 1, the end exclusive). Lines end in LF."""

    line: int
    col: int
    end_line: int
    end_col: int
    old: str
    text: str


class FlowStep(NamedTuple):
    """A step of the flow that led to a finding; places as in Edit. The note of the finding itself may be empty."""

    line: int
    col: int
    end_line: int
    end_col: int
    note: str


class Violation(NamedTuple):
    """One finding. Lines and columns count from 1, columns in characters, and the end is exclusive.

    `fix`: the edits that fix it, empty if no fix is certain. `flow`: the steps that lead to it and on, itself included.
    """

    code: str
    message: str
    path: str
    line: int
    col: int
    end_line: int
    end_col: int
    function: str = ""
    fix: tuple[Edit, ...] = ()
    flow: tuple[FlowStep, ...] = ()

    @property
    def span(self) -> tuple[int, int, int, int]:
        """Line, column, end line, end column."""
        return self.line, self.col, self.end_line, self.end_col

    @property
    def place(self) -> tuple[str, int, int, str]:
        """The sort key of findings: path, line, column, code."""
        return self.path, self.line, self.col, self.code


class UnreadableError(ValueError):
    """A file is no Python that can be parsed: why, and where as far as that is known."""

    def __init__(self, path: str, reason: str, line: int = 1, col: int = 1) -> None:
        super().__init__(f"{path}:{line}:{col}: does not parse: {reason}")
        self.path, self.reason, self.line, self.col = path, reason, line, col
