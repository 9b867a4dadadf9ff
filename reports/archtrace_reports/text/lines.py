"""Lines: wrapping by what a terminal shows (cells, not characters), and styled lines to text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size

from archtrace_reports.text.look import Look
from archtrace_reports.text.styled import StyledLine

#: Where an overlong word may be cut, best first: between the parts of an expression or a path, within names, and
#: between the words of a class's name.
_JOINTS = (re.compile(r"(?<=[./,:;(=])|(?=\[)"), re.compile(r"(?<=[_-])"), re.compile(r"(?<=[a-z0-9])(?=[A-Z])"))


def wrap(text: str, width: int) -> list[str]:
    """Text in lines of at most `width` cells: broken at spaces, an overlong word at its joints, else anywhere."""
    lines = [""]
    for word in text.split():
        for number, piece in enumerate(_pieces(word, width)):
            gap = " " if lines[-1] and number == 0 else ""
            if cell_len(lines[-1] + gap + piece) <= width:
                lines[-1] += gap + piece
            else:
                lines.append(piece)
    return lines if lines[0] or len(lines) == 1 else lines[1:]


def _pieces(word: str, width: int, joints: Sequence[re.Pattern[str]] = _JOINTS) -> list[str]:
    """A word that fits is one piece; others are cut at the best joints that help, else anywhere."""
    if cell_len(word) <= width:
        return [word]
    if not joints:
        return _chunks(word, width)
    return [piece for part in joints[0].split(word) if part for piece in _pieces(part, width, joints[1:])]


def _chunks(part: str, width: int) -> list[str]:
    chunks = [""]
    for character in part:
        if chunks[-1] and cell_len(chunks[-1] + character) > width:
            chunks.append("")
        chunks[-1] += character
    return chunks


def join(units: Sequence[str], width: int) -> list[str]:
    """Units in lines of at most `width`; a line breaks between two units where it can."""
    lines: list[str] = []
    for unit in units:
        if lines and cell_len(f"{lines[-1]} {unit}") <= width:
            lines[-1] += f" {unit}"
        else:
            lines += wrap(unit, width)
    return lines


def block(text: str, width: int, indent: int = 0, style: str = "") -> list[StyledLine]:
    """Wrapped text, indented throughout."""
    return [StyledLine(" " * indent).append(line, style) for line in wrap(text, width - indent)]


def row(label: str, text: str, width: int, column: int = 14, style: str = "") -> list[StyledLine]:
    """A label at the left and its text in a column at the right of it."""
    lines = wrap(text, width - column)
    heads = [f"  {label}", *[""] * (len(lines) - 1)]
    return [
        StyledLine().append(pad(head, column), "dim").append(line, style)
        for head, line in zip(heads, lines, strict=True)
    ]


def pad(text: str, width: int) -> str:
    """Text in exactly `width` cells: cut where it is longer."""
    return set_cell_size(text, width)


def paint(lines: Iterable[StyledLine], look: Look) -> str:
    """Styled lines as text, with ANSI styles only in colour. Every line ends in a newline."""
    return "".join(f"{line.ansi if look.colour else line.plain}\n" for line in lines)
