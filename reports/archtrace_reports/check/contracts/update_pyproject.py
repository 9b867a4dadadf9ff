"""Update: the terms that hold are written into the pyproject.toml; everything else of it stays as it is."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from archtrace.contract.verdict import Verdict
from archtrace.errors import TargetError
from archtrace_reports.check.contracts.declared_contracts import Declared
from archtrace_reports.text.files import replace

#: An end of a line as Unix has it.
BARE = re.compile(r"(?<!\r)\n")


def write(file: Path, verdicts: Sequence[tuple[Declared, Verdict]]) -> list[str]:
    """Write the terms of each verdict, whole or not at all; what changed, a line each."""
    import tomlkit

    text = file.read_bytes().decode("utf-8")  # not read_text, which would make all ends of lines alike
    document: Any = tomlkit.parse(text)
    models = document["tool"]["archtrace"]["models"]
    plain = tomllib.loads(text)
    meant = plain["tool"]["archtrace"]["models"]
    changes = [c for each, verdict in verdicts for c in _set(each.name, models[each.name], verdict.terms)]
    for each, verdict in verdicts:
        list(_set(each.name, meant[each.name], verdict.terms))
    if not changes:
        return []
    made = _ended_alike(tomlkit.dumps(document), text)
    if tomllib.loads(made) != plain:
        raise TargetError(f"{file} is written in a way that cannot be updated; write it yourself: {', '.join(changes)}")
    replace(file.resolve(), made)
    return changes


def _ended_alike(made: str, text: str) -> str:
    """With the ends of lines of the text, where they are all of Windows."""
    windows = "\r\n" in text and not BARE.search(text)
    return BARE.sub("\r\n", made) if windows else made


def _set(name: str, table: Any, terms: dict[str, Any]) -> Iterator[str]:
    """Change a table; what it says already is left as it is written."""
    for term, value in terms.items():
        before = table.get(term)
        was = "" if before is None else f", was {json.dumps(before)}"
        if value is None and term in table:
            del table[term]
            yield f"{name}: {term} taken away{was}"
        elif value is not None and before != value:
            table[term] = value
            yield f"{name}: {term} = {json.dumps(value)}{was}"
