"""Line width: how long the lines of a project may be, and fixes that keep to it where they can."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from archtrace_lint import Edit

#: Columns where a project does not configure ruff or black, and where it does without a length (their default).
WITHOUT_SETTINGS, LINTER_DEFAULT = 120, 88
#: The files in which ruff and black look for their settings, the first that is there, and the tables in them.
FILES = {
    ".ruff.toml": ((),),
    "ruff.toml": ((),),
    "pyproject.toml": (("tool", "ruff"), ("tool", "black")),
}


def within_line_length(edits: Sequence[Edit], path: str, lines: Sequence[str]) -> tuple[Edit, ...]:
    """The edits of a file of these lines, broken at parentheses where a line would be longer than the project's."""
    widest = line_length(os.path.dirname(os.path.abspath(path)))
    return tuple(_broken(edit, lines, widest) for edit in edits)


@cache
def line_length(folder: str) -> int:
    """Columns, as the nearest file says that configures ruff or black."""
    for name, tables in FILES.items():
        for table in _tables(os.path.join(folder, name), tables):
            length = table.get("line-length", LINTER_DEFAULT)
            return length if isinstance(length, int) else LINTER_DEFAULT
    above = os.path.dirname(folder)
    return WITHOUT_SETTINGS if above == folder else line_length(above)


def _tables(file: str, tables: Sequence[Sequence[str]]) -> list[Mapping[str, Any]]:
    """The tables that a file has of these; none where it cannot be read: ruff and black report that."""
    import tomllib

    try:
        with open(file, "rb") as stream:
            whole = tomllib.load(stream)
    except (OSError, ValueError, RecursionError):
        return []
    return [table for keys in tables if isinstance(table := _at(whole, keys), dict)]


def _at(table: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        table = table.get(key) if isinstance(table, dict) else None
    return table


def _broken(edit: Edit, lines: Sequence[str], widest: int) -> Edit:
    """An edit that begins with a parenthesis: what is in it on lines of its own."""
    before, after = lines[edit.line - 1][: edit.col - 1], lines[edit.end_line - 1][edit.end_col - 1 :]
    if not edit.text.startswith("(") or len(f"{before}{edit.text}{after}".expandtabs(4)) <= widest:
        return edit
    indent = before[: len(before) - len(before.lstrip())]
    deeper = indent + ("\t" if "\t" in indent else "    ")
    end = _closing(edit.text)
    inner = deeper + edit.text[1:end]
    if len(inner.expandtabs(4)) > widest:
        inner = inner.replace(") * ", f")\n{deeper}* ", 1)
    return edit._replace(text=f"(\n{inner}\n{indent}{edit.text[end:]}")


def _closing(text: str) -> int:
    """Where the parenthesis closes that a text begins with."""
    depth = 0
    for at, character in enumerate(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth == 0:
            return at
    return len(text)
