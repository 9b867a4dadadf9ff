"""Places in code that may be wrong readouts, found by patterns of text that share nothing with the rules.

    python docs/rules/field/candidates.py FOLDER > places.csv

A reader judges each without knowing what the rules say; `make.py` counts how many of the bugs among them are found.
"""

from __future__ import annotations

import ast
import csv
import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

#: Code -> what a line must hold, and what must stand somewhere in its function.
PATTERNS: dict[str, tuple[re.Pattern[str], re.Pattern[str]]] = {
    "AT001": (
        re.compile(
            r"(sum|count_nonzero)\([^#]*\)[^#]*?(-\s*1\b|\.sub\(1\))|\b(seq(uence)?_?)?len(gth)?s?\w*\s*-\s*1\b"
        ),
        re.compile(r"mask|pad|attention|ids"),
    ),
    "AT002": (
        re.compile(
            r"(?=.*(pad|eos|mask|==))"
            r".*(\b(argmax|argmin|nonzero|argwhere|searchsorted|first_true_indices)\(|\.index\(|where\([^,]*\)\[)"
        ),
        re.compile(r"pad|eos|mask"),
    ),
    "AT003": (
        re.compile(r"pad_token(_id)?[\"']?\]?\s*[=:]\s*[^=].*eos|pad_token.*eos.*\)"),
        re.compile(r""),
    ),
    "AT006": (
        re.compile(
            r"\.mean\((dim=|axis=|1|-2)|torch\.mean\(|avg_pool1d|AvgPool1d|reduce_mean|GlobalAveragePool"
            r"|np\.mean\(.*axis=1|/\s*(torch\.sum\(\s*)?\w*mask\w*\.sum\(\)"
        ),
        re.compile(r"mask|tokenizer|padding"),
    ),
    "AT011": (
        re.compile(r"eos_?mask|eos_?idx|eos_?pos|(==|eq\()\s*\(?\s*[\w.]*eos"),
        re.compile(r"hidden|output|state|emb"),
    ),
}

#: Something is read: what AT001 and AT002 are about.
READ = re.compile(r"hidden|output|logits|reward|value|score|states|emb|feature|last|\bh\b|\bx\b")


class Place(NamedTuple):
    """A line of a file, or of a notebook's cell, and the lines of its function."""

    code: str
    where: str
    path: str
    cell: int
    line: int
    first: int
    last: int


def pieces(file: Path) -> Iterator[tuple[int, str]]:
    """The Python of a file; of a notebook cell by cell, by its number."""
    text = file.read_text(encoding="utf-8", errors="replace")
    if file.suffix == ".py":
        yield 0, text
        return
    try:
        cells = json.loads(text)["cells"]
        yield from ((n, "".join(c["source"])) for n, c in enumerate(cells, 1) if c["cell_type"] == "code")
    except (ValueError, KeyError, TypeError):
        return


def around(text: str, line: int) -> tuple[int, int]:
    """The lines of the innermost function around a line; of none, all."""
    inside = [span for span in functions(text) if span[0] <= line <= span[1]]
    return max(inside, default=(1, text.count("\n") + 1))


@cache
def functions(text: str) -> list[tuple[int, int]]:
    """The first and last lines of the functions; none where the text is no Python."""
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError):
        return []
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return [(n.lineno, n.end_lineno or n.lineno) for n in nodes if isinstance(n, kinds)]


def places(root: Path) -> Iterator[Place]:
    """The candidates in a folder of repositories; of one line under one def line, the first of a repository."""
    for repository in sorted(p for p in root.iterdir() if p.is_dir()):
        seen: set[tuple[str, str, str]] = set()
        for file in sorted([*repository.rglob("*.py"), *repository.rglob("*.ipynb")]):
            if not file.is_file():
                continue
            for cell, text in pieces(file):
                for code, line in _lines(text):
                    span = around(text, line)
                    said = text.split("\n")
                    key = code, said[line - 1].strip(), said[span[0] - 1].strip()
                    if key not in seen:
                        seen.add(key)
                        where = repository.name.replace("+", "/", 1)
                        path = file.relative_to(repository).as_posix()
                        yield Place(code, where, path, cell, line, *span)


def _lines(text: str) -> Iterator[tuple[str, int]]:
    for number, line in enumerate(text.split("\n"), 1):
        said = line.partition("#")[0]
        for code, (pattern, near) in PATTERNS.items():
            if len(said) < 300 and pattern.search(said) and _fits(code, text, number, near):
                yield code, number


def _fits(code: str, text: str, line: int, near: re.Pattern[str]) -> bool:
    first, last = around(text, line)
    body = "\n".join(text.split("\n")[first - 1 : last])
    reads = code not in ("AT001", "AT002") or (READ.search(body) and ("[" in body or "gather" in body))
    return bool(near.search(body) and reads)


if __name__ == "__main__":
    out = csv.writer(sys.stdout)
    out.writerow(Place._fields)
    out.writerows(places(Path(sys.argv[1])))
