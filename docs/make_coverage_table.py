"""Write docs/coverage.md from the JSON of one sweep; later files replace rows of it, which the page then says.

archtrace --all --format json -o sweep.json && python docs/make_coverage_table.py sweep.json

The page is the golden table too: `pytest -m sweep` makes it anew and fails where a row is not what it was.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

HEAD = """# Coverage

The answer for every model type in transformers {version} with a sequence classifier, in transformers' default config.
To make this page again:

    archtrace --all --format json -o sweep.json && python docs/make_coverage_table.py sweep.json

`pytest -m sweep` compares each row.

**{answered} of {total} are answered, {exact} of them exactly** (in every layout that
the model runs, runs confirm each position of the answer, and changing everything else has no effect). In {outside} of
them do runs show a position that the analysis left out.

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
    """True where a run showed what the analysis had left out: the analysis would be wrong."""
    return any(finding["code"] in ("missed", "replay-differs") for finding in result["findings"])


def table(sweep: dict[str, Any]) -> str:
    """The page of a sweep."""
    results = sorted(sweep["results"], key=lambda r: str(r["target"]))
    missing = sorted(sweep.get("unanswered", []), key=lambda u: str(u["target"]))
    head = HEAD.format(
        version=sweep["versions"]["transformers"],
        answered=len(results),
        total=len(results) + len(missing),
        exact=sum(r["status"] == "exact" for r in results),
        outside=sum(map(outside, results)) or "none",
    )
    bounds = [r for r in results if r["status"] != "exact"]
    why = ["", "## Answered with a bound", "", *(f"* `{r['target']}`: {_why(r)}" for r in bounds)]
    gaps = ["", "## Not answered", "", *(f"* `{u['target']}`: {' '.join(u['reason'].split())}" for u in missing)]
    return head + "\n".join([*map(row, results), *(why if bounds else []), *(gaps if missing else [])]) + "\n"


def _why(result: dict[str, Any]) -> str:
    """The kinds of findings that keep an answer from being exact."""
    reasons = ("op-without-rule", "no-witness", "witness-failed", "missed", "replay-differs", "not-shown")
    return ", ".join(dict.fromkeys(f["code"] for f in result["findings"] if f["code"] in reasons))


def main(file: str, *later: str) -> None:
    """Write the page."""
    sweep = json.loads(Path(file).read_text())
    again = {r["target"]: r for name in later for r in json.loads(Path(name).read_text())["results"]}
    rest = [r for r in sweep["results"] if r["target"] not in again]
    sweep |= {
        "results": [*rest, *again.values()],
        "unanswered": [u for u in sweep["unanswered"] if u["target"] not in again],
    }
    note = f"\n> Run again after the sweep, since a later change touched them: {', '.join(sorted(again))}.\n"
    (Path(__file__).parent / "coverage.md").write_text(table(sweep) + (note if again else ""))
    import made_at  # here alone: a test imports this file from elsewhere, for its table

    made_at.stamp(Path(__file__).with_name("coverage.md"), __file__)


if __name__ == "__main__":
    main(*sys.argv[1:])
