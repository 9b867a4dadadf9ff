"""What `archtrace check` finds in a folder of packages or repositories, and what a reader said of each."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent

#: What a reader may say of a finding. `wrong` is a false alarm.
VERDICTS = ("right", "loud", "known", "wrong")


class Row(NamedTuple):
    """A judgement: of the findings of a rule in these files and functions (globs), what they are, and why."""

    code: str
    where: str
    path: str
    function: str
    verdict: str
    why: str


class Hit(NamedTuple):
    """A finding in one package or repository, with its judgement; `open` where nobody has read it yet."""

    code: str
    where: str
    path: str
    line: int
    cell: int
    function: str
    text: str
    verdict: str = "open"
    why: str = ""

    @property
    def kind(self) -> tuple[str, str, str, str]:
        """Copies of one piece of code in a repository are of one kind."""
        return self.code, self.where, self.function, self.text

    @property
    def place(self) -> str:
        """path:line, in a notebook path:cell N:line."""
        return f"{self.path}:cell {self.cell}:{self.line}" if self.cell else f"{self.path}:{self.line}"


def judged(hits: Iterable[Hit], rows: Iterable[Row]) -> list[Hit]:
    """The hits with the last row that fits each."""
    known = list(rows)
    return [_judged(hit, known) for hit in hits]


def _judged(hit: Hit, rows: list[Row]) -> Hit:
    fits = [row for row in rows if _fits(hit, row)]
    return hit._replace(verdict=fits[-1].verdict, why=fits[-1].why) if fits else hit


def _fits(hit: Hit, row: Row) -> bool:
    names = ((hit.code, row.code), (hit.where, row.where), (hit.path, row.path), (hit.function, row.function))
    return all(fnmatchcase(name, pattern) for name, pattern in names)


def rows(name: str) -> list[Row]:
    """The judgements of a table beside this file."""
    with (HERE / name).open(encoding="utf-8", newline="") as file:
        return [Row(**line) for line in csv.DictReader(file)]


def hits(folder: Path) -> Iterator[Hit]:
    """What the command finds in the folders of a folder; names of owners stand as OWNER+NAME there."""
    command = [sys.executable, "-m", "archtrace_reports", "check", "--only", "source", "--no-cache", "-q"]
    done = subprocess.run(
        [*command, "--output-format", "json", "."], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr)
    for found in json.loads(done.stdout)["findings"]:
        where, _, path = found["path"].removeprefix("./").partition("/")
        if not found["code"].startswith("AT0") or found["code"] in ("AT000", "AT099"):
            continue
        yield Hit(
            found["code"], where.replace("+", "/", 1), path, *(found[k] for k in ("line", "cell", "function", "text"))
        )
