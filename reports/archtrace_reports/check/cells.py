"""Cells: the Python of a notebook as one source, and the way back from its lines to cells."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

#: What the shell or a magic gives to a name.
_ASSIGNED = re.compile(r"(\s*[\w., ]+=\s*)[!%]")


class Cells(NamedTuple):
    """`source`: the code cells below each other. `starts`: for each its number, and its first line in the source."""

    source: str
    starts: tuple[tuple[int, int], ...]

    def place(self, line: int) -> tuple[int, int]:
        """The cell of a line, and the line within it."""
        number, start = max((s for s in self.starts if s[1] <= line), key=lambda s: s[1], default=(0, 1))
        return number, line - start + 1


def cells(data: bytes) -> Cells:
    """The code cells of a notebook; none where its language is another. ValueError where it is no notebook."""
    try:
        found = json.loads(data)
        kept = [(n, _text(cell["source"])) for n, cell in enumerate(found["cells"], 1) if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"it is no notebook ({type(error).__name__}: {error})") from None
    lines: list[str] = []
    starts = []
    for number, text in kept if _is_python(found) else []:
        starts.append((number, len(lines) + 1))
        lines += _plain(text)
    return Cells("\n".join(lines) + "\n", tuple(starts))


def _text(source: Any) -> str:
    text = source if isinstance(source, str) else "".join(source)
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", " ")


def _is_python(notebook: Any) -> bool:
    """Whether the notebook is in Python, as far as it says."""
    told = notebook.get("metadata")
    kernel = told.get("kernelspec") if isinstance(told, dict) else None
    language = kernel.get("language") if isinstance(kernel, dict) else None
    return not isinstance(language, str) or "python" in language.lower()


def _plain(text: str) -> list[str]:
    """The lines of a cell. Magic and shell lines are no Python; an empty statement keeps their place."""
    if text.lstrip().startswith("%%"):
        return [""]
    lines = text.split("\n")
    for number, line in enumerate(lines):
        bare = line.lstrip()
        if bare.startswith(("%", "!", "?")) or bare.rstrip().endswith("?"):
            lines[number] = line[: len(line) - len(bare)] + "pass"
        elif match := _ASSIGNED.match(line):
            lines[number] = f"{match[1]}None"
        else:
            continue
        _swallow(lines, number, line)
    return lines


def _swallow(lines: list[str], number: int, line: str) -> None:
    """Empty the lines that go on with a magic line."""
    while line.endswith("\\") and number + 1 < len(lines):
        number += 1
        line, lines[number] = lines[number], ""
