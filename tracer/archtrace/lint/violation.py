"""What a rule says of a place in a file."""

from __future__ import annotations

from typing import NamedTuple


class Fix(NamedTuple):
    """Put `text` where the expression stands that spans these lines and columns (both from 1, the end exclusive)."""

    line: int
    col: int
    end_line: int
    end_col: int
    text: str


class Violation(NamedTuple):
    """One finding. Lines and columns count from 1, columns in characters, and the end is exclusive."""

    code: str
    message: str
    path: str
    line: int
    col: int
    end_line: int
    end_col: int
    function: str = ""
    fix: Fix | None = None

    @property
    def place(self) -> tuple[str, int, int, str]:
        """Where it stands among others: the order in which people read."""
        return self.path, self.line, self.col, self.code


class UnreadableError(ValueError):
    """A file is no Python that can be parsed: what, and where as far as it is known."""

    def __init__(self, path: str, reason: str, line: int = 1, col: int = 1) -> None:
        super().__init__(f"{path}:{line}:{col}: does not parse: {reason}")
        self.path, self.reason, self.line, self.col = path, reason, line, col
