"""Write the names of the kinds, from their table, into the schema of the JSON format and into the pages that list them.

Run as ``python docs/make_kinds.py``; a test holds that they are what this makes. Files are changed in the folder that
holds this one, so that the tables of a checkout go into its own pages.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from archtrace.answer.kinds import KINDS

ROOT = Path(__file__).parents[1]
SCHEMA = "reports/archtrace_reports/formats/schema/result-3.json"


def main() -> None:
    """Write them."""
    for name, text in made().items():
        (ROOT / name).write_text(text, "utf-8")


def made() -> dict[str, str]:
    """Each file that names the kinds, by its path, as it should be."""
    return {name: write((ROOT / name).read_text("utf-8")) for name, write in WRITERS.items()}


def schema(text: str) -> str:
    """The JSON schema, with the table's kinds as the values that a readout's `kind` may have."""
    return _replaced(text, r'"kind": \{"enum": \[[^]]*\]\}', f'"kind": {{"enum": {json.dumps([*KINDS])}}}')


def contracts(text: str) -> str:
    """The page on contracts, with the kinds that its term `reads` takes."""
    rows = "".join(f"| `{name}` | {kind.meaning} |\n" for name, kind in KINDS.items())
    head = "| Kind | Which positions reach the logits |\n| --- | --- |\n"
    return _replaced(text, rf"{re.escape(head)}(\|.*\n)*", f"{head}{rows}")


def json_page(text: str) -> str:
    """The page of the JSON format, whose table says what a readout's `kind` is."""
    return _replaced(text, r"\| `kind` \| [^|]* \|", f"| `kind` | {', '.join(f'`{name}`' for name in KINDS)} |")


def _replaced(text: str, pattern: str, by: str) -> str:
    """The text with the one place that a pattern finds written anew. ValueError where there is no such place."""
    changed, found = re.subn(pattern, lambda _: by, text)
    if found != 1:
        raise ValueError(f"{found} places look like {pattern}")
    return changed


WRITERS: Mapping[str, Callable[[str], str]] = {
    SCHEMA: schema,
    "docs/contracts.md": contracts,
    "docs/json.md": json_page,
}

if __name__ == "__main__":
    main()
