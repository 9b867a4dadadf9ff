"""Update: the terms that hold are written into the pyproject.toml; everything else of it stays as it is."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from archtrace.contract.verdict import Verdict
from archtrace_reports.contracts.declared import Declared
from archtrace_reports.files import replace


def write(file: Path, verdicts: Sequence[tuple[Declared, Verdict]]) -> list[str]:
    """Write the terms of each verdict, whole or not at all; what changed, a line each."""
    import tomlkit

    text = file.read_text("utf-8")
    document: Any = tomlkit.parse(text)
    models = document["tool"]["archtrace"]["models"]
    changes = [
        change for declared, verdict in verdicts for change in _set(declared.name, models[declared.name], verdict.terms)
    ]
    made = tomlkit.dumps(document)
    if not changes or tomllib.loads(made) != document.unwrap():
        return []
    replace(file.resolve(), made)
    return changes


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
