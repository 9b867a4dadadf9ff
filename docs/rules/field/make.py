"""Write docs/rules/field.md: what the rules find in released packages and in people's repositories, as it was judged.

Wheels are unpacked side by side, a folder NAME-VERSION each; repositories as `fetch.py` brings them. All is read, and
nothing of it is run:

    python docs/rules/field/make.py FOLDER_OF_WHEELS FOLDER_OF_REPOSITORIES
"""

from __future__ import annotations

import csv
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from findings import VERDICTS, Hit, hits, judged, rows
from text import COUNTED, PAGE

HERE = Path(__file__).parent


class Repository(NamedTuple):
    """A repository at a commit. `part`: "first" (read while the rules were made), or "second" (kept for the test)."""

    name: str
    commit: str
    part: str


class Candidate(NamedTuple):
    """A place that a pattern found, and what a reader said of it: "bug", "fine" or "unsure"."""

    code: str
    where: str
    path: str
    cell: str
    line: str
    first: str
    last: str
    verdict: str
    why: str

    def told(self, found: Iterable[Hit]) -> bool:
        """Whether the rule says something in that function."""
        lines = range(int(self.first), int(self.last) + 1)
        return any((h.code, h.where, h.path, str(h.cell)) == self[:4] and h.line in lines for h in found)


def repositories() -> list[Repository]:
    """The repositories that are read."""
    with (HERE / "repositories.csv").open(encoding="utf-8", newline="") as file:
        return [Repository(**line) for line in csv.DictReader(file)]


def candidates() -> list[Candidate]:
    """The places that were judged one by one."""
    with (HERE / "candidates.csv").open(encoding="utf-8", newline="") as file:
        return [Candidate(**line) for line in csv.DictReader(file)]


def row(*cells: object) -> str:
    """A row of a table."""
    return "| " + " | ".join(str(cell) if cell else "" for cell in cells) + " |"


def share(part: int, whole: int) -> str:
    """A part in per cent; nothing of nothing."""
    return f"{100 * part / whole:.0f} %" if whole else ""


def distinct(found: Iterable[Hit]) -> list[Hit]:
    """The first of each kind: copies within a repository count once."""
    return list({hit.kind: hit for hit in reversed(list(found))}.values())[::-1]


def by_package(found: Sequence[Hit], folder: Path) -> str:
    """A row for each package and rule."""
    told = []
    for where, code in sorted({(h.where, h.code) for h in found}):
        mine = [h for h in found if (h.where, h.code) == (where, code)]
        verdicts = Counter(h.verdict for h in mine)
        notes = "; ".join(f"{v}: {n}" for v, n in dict.fromkeys((h.verdict, h.why) for h in mine))
        files = sum(1 for _ in (folder / where).rglob("*.py"))
        told.append(row(where.replace("-", " "), files, code, len(mine), *(verdicts[v] for v in VERDICTS), notes))
    return "\n".join(told)


def by_rule(found: Sequence[Hit]) -> str:
    """A row for each rule: its findings, the different ones among them, and how many of these hold."""
    told = []
    for code in sorted({h.code for h in found}):
        mine = [h for h in found if h.code == code]
        told.append(_row_of(code, mine))
    return "\n".join([*told, _row_of("all", list(found))])


def _row_of(name: str, found: list[Hit]) -> str:
    one = distinct(found)
    verdicts = Counter(h.verdict for h in one)
    holds = sum(verdicts[v] for v in ("right", "loud", "known"))
    places = len({h.where for h in one})
    return row(name, len(found), places, len(one), *(verdicts[v] for v in VERDICTS), share(holds, len(one)))


def by_candidate(found: Sequence[Hit], read: Sequence[Candidate]) -> str:
    """A row for each rule: places that were judged, functions with bugs, those that are told; the rest is missed."""
    near: dict[tuple[str, str, str], list[Hit]] = defaultdict(list)
    for hit in found:
        near[hit.code, hit.where, hit.path].append(hit)
    told = []
    for code in sorted({c.code for c in read}):
        mine = [c for c in read if c.code == code]
        bugs = {(c[1:4], c.first): c.told(near[c[:3]]) for c in mine if c.verdict == "bug"}
        said = sum(bugs.values())
        quiet = sum(not c.told(near[c[:3]]) for c in mine)
        told.append(row(code, len(mine), quiet, len(bugs), said, len(bugs) - said, share(said, len(bugs))))
    return "\n".join(told)


def missed(found: Sequence[Hit], read: Sequence[Candidate]) -> str:
    """The bugs that no rule tells."""
    lines = [
        f"* {c.code} {c.where}: `{c.path}:{f'cell {c.cell}:' if c.cell != '0' else ''}{c.line}`: {c.why}"
        for c in read
        if c.verdict == "bug" and not c.told(found)
    ]
    return "\n".join(lines) or "None."


def lines(found: Iterable[Hit], *, why: bool) -> str:
    """A line for each hit."""
    return "\n".join(
        f"* {h.code} {h.where}: `{h.place}` {h.function} ({h.verdict}{f': {h.why}' if why and h.why else ''})"
        for h in found
    )


def main(wheels: Path, folder: Path) -> None:
    """Write the page."""
    packages = judged(hits(wheels), rows("packages.csv"))
    people = judged(hits(folder), rows("findings.csv"))
    read, known = candidates(), repositories()
    parts = {r.name: r.part for r in known}
    with (HERE / "missed.csv").open(encoding="utf-8", newline="") as file:
        unseen = [f"* {line['code']}, {line['where']}: {line['what']}." for line in csv.DictReader(file)]
    with_hits = {h.where for h in packages}
    silent = [f.name.replace("-", " ") for f in sorted(wheels.iterdir()) if f.name not in with_hits]
    page = PAGE.format(
        packages=by_package(packages, wheels),
        package_hits=len(packages),
        package_wrong=sum(h.verdict == "wrong" for h in packages),
        silent=", ".join(silent),
        counted=COUNTED,
        unseen="\n".join(unseen),
        repositories=len(known),
        files=sum(1 for _ in folder.rglob("*.py")),
        notebooks=sum(1 for _ in folder.rglob("*.ipynb")),
        held=sum(r.part == "second" for r in known),
        rules=by_rule(people),
        rules_held=by_rule([h for h in people if parts[h.where] == "second"]),
        candidates=by_candidate(people, read),
        candidates_held=by_candidate(people, [c for c in read if parts[c.where] == "second"]),
        missed=missed(people, read),
        package_lines=lines(packages, why=False),
        lines=lines(distinct(people), why=True),
        names=", ".join(f"[{r.name}](https://github.com/{r.name}) `{r.commit[:10]}`" for r in known),
    )
    (HERE.parent / "field.md").write_text(page, encoding="utf-8")
    sys.path.insert(0, str(HERE.parents[1]))
    import made_at

    made_at.stamp(HERE.parent / "field.md", __file__)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
