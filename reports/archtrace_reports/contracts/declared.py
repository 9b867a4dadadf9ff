"""Declared: the contracts of a pyproject.toml, and the lines on which their terms stand."""

from __future__ import annotations

import re
import tomllib
from functools import cached_property
from pathlib import Path
from typing import Any

from archtrace.contract.contract import Contract, declared
from archtrace_reports.check.settings import NAME, Settings


class Declared:
    """One contract with its place. `table` is what the file says; `contract` raises TargetError where that is wrong."""

    def __init__(self, name: str, table: Any, file: Path) -> None:
        self.name, self.table, self.file = name, table, file

    @cached_property
    def contract(self) -> Contract:
        """The terms, read."""
        return declared(self.name, self.table, f"{self.file}:{self.line()}")

    def line(self, term: str = "target") -> int:
        """The line of a term, else of the table, else 1: the first line with which the file says it."""
        lines = self._text.split("\n")
        for wanted, words in (((self.name, term), term), ((self.name,), self.name)):
            numbers = [n for n, line in enumerate(lines, 1) if words in line]
            found = next((n for n in numbers if _says("\n".join(lines[:n]), wanted)), None)
            if found is not None:
                return found
        return 1

    def source(self, line: int) -> str:
        """The text of a line."""
        return self._text.split("\n")[line - 1]

    @cached_property
    def _text(self) -> str:
        return self.file.read_text("utf-8")


def contracts(settings: Settings) -> list[Declared]:
    """The contracts of a project, in the order of the file."""
    file = Path(settings.root, NAME)
    return [Declared(name, table, file) for name, table in settings.models]


def _says(text: str, keys: tuple[str, ...]) -> bool:
    """Whether the beginning of a file, where it is TOML by itself, holds a key of the models."""
    try:
        found: Any = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    for key in ("tool", "archtrace", "models", *keys):
        found = found.get(key) if isinstance(found, dict) else None
        if found is None:
            return False
    return True


#: A comment of TOML that says which findings of its line are meant to be so.
NOQA = re.compile(r"#\s*noqa(?P<colon>\s*:\s*(?P<codes>[A-Z0-9\s,]+))?\s*$", re.IGNORECASE)


def excused(line: str, code: str) -> bool:
    """Whether a line of TOML ends in `# noqa`, or in `# noqa: CODE`."""
    match = NOQA.search(line)
    if match is None:
        return False
    return not match["colon"] or code in re.split(r"[\s,]+", match["codes"].strip().upper())
