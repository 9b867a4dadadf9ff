"""Cells: the Python of a notebook as one source, and the way back from its lines to cells."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from archtrace_lint import UnreadableError, parsed
from archtrace_reports.check.magics import python


class Cell(NamedTuple):
    """A code cell: its number, its text in Python, the columns that were taken off each line, why it is left out."""

    number: int
    text: str
    indent: int = 0
    broken: UnreadableError | None = None


class Cells(NamedTuple):
    """The code cells of a notebook. A broken one is left blank, and the others are read with the names of those
    before.

    `source`: the cells below each other. `starts`: the first line of each in it.
    """

    cells: tuple[Cell, ...]
    starts: tuple[int, ...]
    source: str

    def start(self, cell: Cell) -> int:
        """The number of lines in the source before those of a cell."""
        return self.starts[self.cells.index(cell)] - 1

    def place(self, line: int) -> tuple[Cell, int]:
        """The cell of a line, and the line within it."""
        at = max(n for n, start in enumerate(self.starts) if start <= line or n == 0)
        return self.cells[at], line - self.starts[at] + 1


def cells(path: str, data: bytes, largest: int) -> Cells:
    """The code cells of a notebook; none where its language is another. A cell of more characters than `largest` is
    broken: nobody wrote it.

    Raises UnreadableError where it is no notebook.
    """
    code_cells = tuple(_cell(path, number, text, largest) for number, text in _code(path, data))
    lines, starts = list[str](), list[int]()
    for cell in code_cells:
        starts.append(len(lines) + 1)
        lines += ("\n" * cell.text.count("\n") if cell.broken else cell.text).split("\n")
    return Cells(code_cells, tuple(starts), "\n".join(lines) + "\n")


def _code(path: str, data: bytes) -> Iterator[tuple[int, str]]:
    """The number and the text of each code cell of Python."""
    notebook = _parse_json(path, data)
    try:
        listed = _cells_of(notebook)
        if _language(notebook) == "python":
            for number, cell in enumerate(listed, 1):
                if cell.get("cell_type") == "code" and cell.get("language", "python") == "python":
                    yield number, _text(cell.get("source", cell.get("input", "")))
    except (KeyError, TypeError, AttributeError):
        why = "it is no notebook: a notebook is an object with a list of cells, each with its source"
        raise UnreadableError(path, why) from None


def _parse_json(path: str, data: bytes) -> Any:
    try:
        return json.loads(data)
    except json.JSONDecodeError as error:
        raise UnreadableError(path, f"it is no notebook: {error.msg}", error.lineno, error.colno) from None
    except UnicodeDecodeError as error:
        line, col = data.count(b"\n", 0, error.start) + 1, error.start - data.rfind(b"\n", 0, error.start)
        why = f"byte 0x{data[error.start]:02x} is not {error.encoding}; save it as UTF-8"
        raise UnreadableError(path, f"it is no notebook: {why}", line, col) from None
    except RecursionError:
        raise UnreadableError(path, "it is no notebook: it is nested too deeply") from None


def _cells_of(notebook: Any) -> list[Any]:
    """The cells; up to nbformat 3 they stand in worksheets, and the text of one is its input."""
    if "worksheets" in notebook:
        return [cell for sheet in notebook["worksheets"] for cell in sheet["cells"]]
    return list(notebook["cells"])


def _language(notebook: Any) -> str:
    """What the kernel speaks; a notebook that does not say so is Python."""
    metadata = notebook.get("metadata") or {}
    name = (metadata.get("language_info") or {}).get("name") or (metadata.get("kernelspec") or {}).get("language")
    return str(name or "python").lower()


def _text(source: Any) -> str:
    text = source if isinstance(source, str) else "".join(source)
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", " ")


def _cell(path: str, number: int, text: str, largest: int) -> Cell:
    """A cell as it stands, or else as IPython reads it; a line for a line."""
    if len(text) > largest:
        why = f"it is larger than {largest // 10**6} MB: no one wrote it by hand"
        return Cell(number, "", 0, UnreadableError(path, why))
    if _parse_error(path, text) is None:
        return Cell(number, text)
    first = next((line for line in text.split("\n") if line.strip()), "")
    before = ">>> " if first.startswith(">>> ") else first[: len(first) - len(first.lstrip())]
    plain = python(_without(text, before))
    broken = _parse_error(path, plain)
    return Cell(number, plain, len(before), broken)


def _without(text: str, before: str) -> str:
    """Without what stands before the first line, white space or a prompt: IPython takes it off all lines."""
    either = (before, "... ") if before == ">>> " else (before,)
    lines = text.split("\n")
    return "\n".join(line[len(before) :] if line.startswith(either) else line for line in lines)


def _parse_error(path: str, text: str) -> UnreadableError | None:
    """Why a text does not parse as Python."""
    try:
        parsed(path, text.encode("utf-8", "replace").decode())
    except UnreadableError as error:
        return error
    return None
