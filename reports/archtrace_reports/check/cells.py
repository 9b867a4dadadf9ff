"""Cells: the Python of a notebook as one source, and the way back from its lines to cells."""

from __future__ import annotations

import ast
import json
import re
from typing import Any, NamedTuple

#: A magic, a shell command or a question for help; what is left of it is kept, so that its place in a block is filled.
_OWN = re.compile(r"^(\s*(?:[\w, ]+=\s*)?)(?:[%!][\w.(/$~].*|\?{1,2}[\w.*]+|[\w.*]+\?{1,2})\s*$")
#: Cell magics whose cell is Python still.
_PYTHON = ("%%time", "%%timeit", "%%capture", "%%prun")


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
        code = [(n, cell) for n, cell in enumerate(found["cells"], 1) if cell["cell_type"] == "code"]
        kept = [(n, _text(cell["source"])) for n, cell in code] if _language(found) == "python" else []
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"it is no notebook ({type(error).__name__}: {error})") from None
    lines: list[str] = []
    starts = []
    for number, text in kept:
        starts.append((number, len(lines) + 1))
        lines += _lines(text)
    return Cells("\n".join(lines) + "\n", tuple(starts))


def _text(source: Any) -> str:
    text = source if isinstance(source, str) else "".join(source)
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", " ")


def _language(notebook: Any) -> str:
    """What the kernel speaks; a notebook that does not say so is Python."""
    told = notebook.get("metadata") or {}
    name = (told.get("language_info") or {}).get("name") or (told.get("kernelspec") or {}).get("language")
    return str(name or "python").lower()


def _lines(text: str) -> list[str]:
    """The lines of a cell, those of IPython's own syntax made Python. Cells of another language are empty."""
    if text.startswith("%%"):
        first, *rest = text.split("\n")
        return ["", *_lines("\n".join(rest))] if first.split()[0] in _PYTHON else [""]
    return _plain(text.split("\n")) if _special(text) else text.split("\n")


def _plain(lines: list[str]) -> list[str]:
    """IPython's own lines as empty statements; a line that goes on with such a one is empty."""
    found: list[str] = []
    going_on = False
    for line in lines:
        own = _OWN.sub(r"\1None", line)
        found.append("" if going_on else own)
        going_on = line.endswith("\\") and (going_on or own != line)
    return found


def _special(text: str) -> bool:
    """Whether a cell is no Python as it stands: `% size` and `!= size` may begin a line of a longer expression."""
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True
    return False
