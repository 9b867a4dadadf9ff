"""Declared contracts: those of a pyproject.toml, and the lines on which their terms stand."""

from __future__ import annotations

import re
import tomllib
from functools import cached_property
from pathlib import Path
from typing import Any

from archtrace.contract.contract import Contract, declared
from archtrace_reports.check.settings import NAME, Settings


class DeclaredContract:
    """One contract with its place. `table`: as the file has it; `contract` raises TargetError where that is wrong."""

    def __init__(self, name: str, table: Any, file: Path) -> None:
        self.name, self.table, self.file = name, table, file

    @cached_property
    def contract(self) -> Contract:
        """The terms, read."""
        return declared(self.name, self.table, f"{self.file}:{self.line()}")

    def line(self, term: str = "target") -> int:
        """The line on which a term begins, else the table, else 1."""
        lines = self._lines()
        for keys in ((self.name, term), (self.name,)):
            naming = (n for n, line in enumerate(lines, 1) if keys[-1] in line)
            number = next((n for n in naming if _begins(lines, n, keys)), None)
            if number is not None:
                return number
        return 1

    def source(self, line: int) -> str:
        """The text of a line."""
        return self._lines()[line - 1]

    def _lines(self) -> list[str]:
        """The file is read anew each time: an update changes it."""
        return self.file.read_text("utf-8").split("\n")


def contracts(settings: Settings) -> list[DeclaredContract]:
    """The contracts of a project, in the order of the file."""
    file = Path(settings.root, NAME)
    return [DeclaredContract(name, table, file) for name, table in settings.models]


def _begins(lines: list[str], number: int, keys: tuple[str, ...]) -> bool:
    """Whether a key of the models begins on a line: the file says it as soon as the line is part of whole TOML."""
    for end in range(number, len(lines) + 1):
        try:
            table: Any = tomllib.loads("\n".join(lines[:end]))
        except tomllib.TOMLDecodeError:
            continue
        for key in ("tool", "archtrace", "models", *keys):
            table = table.get(key) if isinstance(table, dict) else None
        return table is not None
    return False


#: A comment of TOML that takes away findings of its line.
NOQA = re.compile(r"#\s*noqa(?P<colon>\s*:\s*(?P<codes>[A-Z0-9\s,]+))?\s*$", re.IGNORECASE)


def has_noqa(line: str, code: str) -> bool:
    """Whether a line of TOML ends in `# noqa`, or in `# noqa: CODE`."""
    match = NOQA.search(line)
    if match is None:
        return False
    return not match["colon"] or code in re.split(r"[\s,]+", match["codes"].strip().upper())
