"""Write docs/rules/field.md: what the rules find in released packages, joined with what was judged by hand.

The wheels are unpacked side by side, a folder NAME-VERSION each, and read; nothing of them is run:

    python docs/rules/make_field.py FOLDER_OF_UNPACKED_WHEELS
"""

from __future__ import annotations

import sys
import tomllib
from collections import Counter
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

from archtrace.lint import UnreadableError, Violation, check_source

HERE = Path(__file__).parent

TEXT = """# Field test

What the source rules find in released wheels, downloaded by version and read, never run. Made by
`python docs/rules/make_field.py FOLDER`; the verdicts stand in `field.toml` and were given by reading each hit.

*right*: the code does what the rule says. *loud*: it does, and raises where rows differ. *known*: it does, for the sake
of old configs, in a branch that says so. *wrong*: a false alarm. A package that has no row has no hits.

| Package | Files | Rule | Hits | right | loud | known | wrong | Of what kind |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
{table}

{total} hits, {wrong} of them false alarms{open}. Without hits: {silent}.

## Counted by other means

{counted}

## Missed

{missed}

## Every hit

{hits}
"""

COUNTED = """\
* AT001 in transformers 4.31.0: a text search for `sequence_length` next to a count finds 14 classifiers in torch (13
  that write `.sum(-1) - 1`, and Falcon, which writes `.sum(dim=-1) - 1`) and 5 in TensorFlow. The rule finds these 19
  and no more; the two `shift_tokens_right` (FSMT, mBART), the position ids and the lengths of audio it leaves alone.
* AT002 in transformers 4.48.3: the search for `argmax(...) - 1` finds 32 lines in torch, one class each; the rule finds
  these and 6 in TensorFlow, and the one AT001 that was left (BioGPT).
* AT001 and AT002 in 5.23.0: none by search, none by the rule.
* AT016 and AT011 were searched for by `argmax` on ids and by `eos_mask` in the torch files: every line
  is among the hits."""


class Hit(NamedTuple):
    """One violation of one package."""

    package: str
    violation: Violation
    verdict: str
    note: str


def judged(package: str, violation: Violation, table: list[dict[str, str]]) -> tuple[str, str]:
    """The last row that fits; the file may be named from its model's folder on."""
    place = violation.path.partition("/models/")[2] or violation.path
    rows = [
        row
        for row in table
        if row["rule"] == violation.code
        and package.startswith(row["package"])
        and (fnmatch(place, row["where"]) or fnmatch(violation.path, row["where"]))
    ]
    return (rows[-1]["verdict"], rows[-1]["note"]) if rows else ("open", "not judged yet")


def hits_of(folder: Path, table: list[dict[str, str]]) -> tuple[int, list[Hit]]:
    """All hits in one unpacked wheel."""
    files = sorted(folder.rglob("*.py"))
    hits = []
    for file in files:
        try:
            found = check_source(file.relative_to(folder).as_posix(), file.read_bytes())
        except UnreadableError:
            continue
        hits += [Hit(folder.name, v, *judged(folder.name, v, table)) for v in found]
    return len(files), hits


def table_of(counts: dict[str, int], hits: list[Hit]) -> str:
    """A row for each package and rule."""
    rows = []
    for package, code in sorted({(h.package, h.violation.code) for h in hits}):
        mine = [h for h in hits if (h.package, h.violation.code) == (package, code)]
        verdicts = Counter(h.verdict for h in mine)
        numbers = [str(verdicts[v] or "") for v in ("right", "loud", "known", "wrong")]
        cells = [package.replace("-", " "), str(counts[package]), code, str(len(mine)), *numbers, mine[0].note]
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def line_of(hit: Hit) -> str:
    """One hit in the list of all."""
    v = hit.violation
    return f"* {v.code} {hit.package.replace('-', ' ')}: `{v.path}:{v.line}` {v.function} ({hit.verdict})"


def main(root: str) -> None:
    """Write the report."""
    facts: dict[str, list[dict[str, Any]]] = tomllib.loads((HERE / "field.toml").read_text())
    found = {f.name: hits_of(f, facts["judged"]) for f in sorted(Path(root).iterdir()) if f.is_dir()}
    hits = [hit for _, mine in found.values() for hit in mine]
    open_hits = sum(h.verdict == "open" for h in hits)
    text = TEXT.format(
        table=table_of({name: number for name, (number, _) in found.items()}, hits),
        total=len(hits),
        wrong=sum(h.verdict == "wrong" for h in hits),
        open=f", {open_hits} not judged yet" if open_hits else "",
        silent=", ".join(name.replace("-", " ") for name, (_, mine) in found.items() if not mine),
        counted=COUNTED,
        missed="\n".join(f"* {m['rule']}, {m['package']}: {m['what']}." for m in facts["missed"]),
        hits="\n".join(map(line_of, hits)),
    )
    (HERE / "field.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
