"""Styled: a line of a terminal in parts, each with its style.

rich has the same and more, but its import alone costs as much as all else that a known answer needs; that is why this
stands here, and why rich is left to what moves: bars and spinners.
"""

from __future__ import annotations

from typing import Self

#: SGR parameters of the words of a style (ECMA-48, 8.3.117).
CODES = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "magenta": 35, "cyan": 36}


class StyledLine:
    """A line that grows at its end."""

    def __init__(self, text: str = "", style: str = "") -> None:
        self.parts: list[tuple[str, str]] = [(text, style)] if text else []

    def append(self, text: str, style: str = "") -> Self:
        """Add a part; its style is words of CODES, such as "bold red"."""
        self.parts.append((text, style))
        return self

    def append_text(self, other: StyledLine) -> Self:
        """Add the parts of another line."""
        self.parts += other.parts
        return self

    @property
    def plain(self) -> str:
        """The text alone, without blanks at its end."""
        return "".join(text for text, _ in self.parts).rstrip()

    @property
    def ansi(self) -> str:
        """The text as a terminal shows it in colour."""
        left = len(self.plain)
        shown = ""
        for text, style in self.parts:
            shown += _painted(text[:left], style)
            left = max(0, left - len(text))
        return shown


def _painted(text: str, style: str) -> str:
    codes = ";".join(str(CODES[word]) for word in style.split())
    return f"\x1b[{codes}m{text}\x1b[0m" if codes and text else text
