"""Styled lines look as rich would show them, which is not imported for that."""

from __future__ import annotations

import io

import pytest
import rich.text
from rich.console import Console

from archtrace_reports.text.styled import CODES, StyledLine

LINES = [
    [("plain", "")],
    [("  bert", "bold green"), (" reads", ""), (" [:, 0] ", "cyan")],
    [("", "red"), ("ends in blanks  ", "dim"), ("  ", "yellow")],
    [("日本", "bold red"), (" \t", "")],
    *([(name, name)] for name in CODES),
]


def by_rich(parts: list[tuple[str, str]]) -> str:
    stream = io.StringIO()
    line = rich.text.Text()
    for text, style in parts:
        line.append(text, style)
    line.rstrip()
    console = Console(file=stream, force_terminal=True, color_system="standard", width=10_000, legacy_windows=False)
    console.print(line, soft_wrap=True, markup=False, highlight=False, emoji=False, end="")
    return stream.getvalue()


@pytest.mark.parametrize("parts", LINES, ids=str)
def test_a_line_is_as_rich_shows_it(parts: list[tuple[str, str]]) -> None:
    line = StyledLine()
    for text, style in parts:
        line.append(text, style)
    assert line.ansi == by_rich(parts)
    assert line.plain == "".join(text for text, _ in parts).rstrip()
    assert StyledLine().append_text(line).ansi == line.ansi
