"""Update pyproject.toml: the terms that the models meet are written into it; everything else stays as it is."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from archtrace.contract.verdict import Verdict
from archtrace.errors import TargetError
from archtrace_reports.check.contracts.declared_contracts import DeclaredContract
from archtrace_reports.text.files import replace

#: An end of a line as Unix has it.
BARE = re.compile(r"(?<!\r)\n")


def write_terms(file: Path, verdicts: Sequence[tuple[DeclaredContract, Verdict]]) -> list[str]:
    """Write the terms of each verdict, whole or not at all; what changed, a line each."""
    import tomlkit

    text = file.read_bytes().decode("utf-8")  # not read_text, which would make all ends of lines alike
    document: Any = tomlkit.parse(text)
    models = document["tool"]["archtrace"]["models"]
    expected_document = tomllib.loads(text)
    expected = expected_document["tool"]["archtrace"]["models"]
    changes = [c for declared, verdict in verdicts for c in _set(declared.name, models[declared.name], verdict.terms)]
    for declared, verdict in verdicts:
        list(_set(declared.name, expected[declared.name], verdict.terms))
    if not changes:
        return []
    new_text = _ended_alike(tomlkit.dumps(document), text)
    if tomllib.loads(new_text) != expected_document:
        raise TargetError(f"{file} is written in a way that cannot be updated; write it yourself: {', '.join(changes)}")
    replace(file.resolve(), new_text)
    return changes


def _ended_alike(made: str, text: str) -> str:
    """With the ends of lines of the text, where they are all of Windows."""
    windows = "\r\n" in text and not BARE.search(text)
    return BARE.sub("\r\n", made) if windows else made


def _set(name: str, table: Any, terms: dict[str, Any]) -> Iterator[str]:
    """Change a table; a term that has its value already stays as it is written."""
    for term, value in terms.items():
        before = table.get(term)
        was = "" if before is None else f", was {json.dumps(before)}"
        if value is None and term in table:
            del table[term]
            yield f"{name}: {term} taken away{was}"
        elif value is not None and before != value:
            table[term] = value
            yield f"{name}: {term} = {json.dumps(value)}{was}"
