"""Cells: the Python of a notebook as one source, and the way back from its lines to cells."""

from __future__ import annotations

import json
from typing import Any, NamedTuple


class Cells(NamedTuple):
    """`source`: the code cells below each other. `starts`: for each its number, and its first line in the source."""

    source: str
    starts: tuple[tuple[int, int], ...]

    def place(self, line: int) -> tuple[int, int]:
        """The cell of a line, and the line within it."""
        number, start = max((s for s in self.starts if s[1] <= line), key=lambda s: s[1], default=(0, 1))
        return number, line - start + 1


def cells(data: bytes) -> Cells:
    """The code cells of a notebook. ValueError where it is none."""
    try:
        found = json.loads(data)["cells"]
        kept = [(n, _text(cell["source"])) for n, cell in enumerate(found, 1) if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"it is no notebook ({type(error).__name__}: {error})") from None
    lines: list[str] = []
    starts = []
    for number, text in kept:
        starts.append((number, len(lines) + 1))
        lines += [_plain(line) for line in text.split("\n")] if not text.startswith("%%") else [""]
    return Cells("\n".join(lines) + "\n", tuple(starts))


def _text(source: Any) -> str:
    return source if isinstance(source, str) else "".join(source)


def _plain(line: str) -> str:
    """Magic and shell lines are no Python; an empty statement keeps their place."""
    bare = line.lstrip()
    return line[: len(line) - len(bare)] + "pass" if bare.startswith(("%", "!", "?")) or bare.endswith("?") else line
