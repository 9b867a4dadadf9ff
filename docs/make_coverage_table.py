"""Write docs/coverage.md from the JSON of one sweep, or of several runs.

archtrace --all --format json -o sweep.json && python docs/make_coverage_table.py sweep.json ['a note on this edition']
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

HEAD = """# Coverage

Every model type of transformers {version}'s sequence-classification mapping, in the library's default config. Made anew
by

    archtrace --all --format json -o sweep.json && python docs/make_coverage_table.py sweep.json

{note}**{answered} of {total} are answered, {exact} of them exactly** (bound and witness agree in every layout
that the model runs). In {outside} of them does the witness leave the bound.

| Model type | Reads | Kind | Depends on | Padding | Status |
| --- | --- | --- | --- | --- | --- |
"""


def row(result: dict[str, Any]) -> str:
    """One model type."""
    readouts = result["readouts"]
    padding = ", ".join(result["padding"]["reads_padding"]) or "never read"
    leak = "; leaks" if result["padding"]["leaks"] else ""
    cells = [
        result["target"],
        " and ".join(f"`{r['slice']}`" for r in readouts) or "nothing",
        ", ".join(dict.fromkeys(r["kind"] for r in readouts)),
        ", ".join(dict.fromkeys(d for r in readouts for d in r["index"]["depends_on"])) or "nothing",
        padding + leak,
        result["status"],
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def outside(result: dict[str, Any]) -> bool:
    """True when a witnessed position is not in the bound: the analysis would be wrong."""
    return any(
        set(seen) - set(may)
        for layout in result["layouts"]
        if layout["witness"]
        for shown, bound in [
            (layout["witness"]["tokens"], layout["tokens"]),
            *((rows, layout["reads"][name]) for name, rows in layout["witness"]["reads"].items()),
        ]
        for seen, may in zip(shown, bound, strict=True)
    )


def main(file: str, note: str = "") -> None:
    """Write the table; `note` says what else is to be known of this edition."""
    sweep = json.loads(Path(file).read_text())
    results = sorted(sweep["results"], key=lambda r: str(r["target"]))
    missing = sorted(sweep.get("unanswered", []), key=lambda u: str(u["target"]))
    head = HEAD.format(
        version=sweep["versions"]["transformers"],
        note=f"{note}\n\n" if note else "",
        answered=len(results),
        total=len(results) + len(missing),
        exact=sum(r["status"] == "exact" for r in results),
        outside=sum(map(outside, results)) or "none",
    )
    gaps = ["", "## Not answered", "", *(f"* `{u['target']}`: {' '.join(u['reason'].split())}" for u in missing)]
    text = head + "\n".join([*map(row, results), *(gaps if missing else [])]) + "\n"
    (Path(__file__).parent / "coverage.md").write_text(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
