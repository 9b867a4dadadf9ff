"""Markdown: the difference for a pull request: what changed in words, the facts that differ, the path as a diff."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archtrace_reports.diff.compare import Comparison, Difference
from archtrace_reports.diff.sentences import lost, told
from archtrace_reports.diff.to_terminal import SIGNS
from archtrace_reports.formats.to_markdown import code, fenced, plain, table
from archtrace_reports.text.look import Look
from archtrace_reports.text.untrusted import cleaned

SUFFIXES = (".md", ".markdown")


def render(found: Difference, look: Look) -> str:
    """The comment. Of several pairs a table first, then those that differ, folded."""
    del look
    found = cleaned(found)
    if found.one_pair:
        return _text(_pair(found.comparisons[0]))
    folded = [line for one in found.comparisons if not one.same for line in _folded(one)]
    return _text([*_overview(found), "", *folded])


def _text(lines: Sequence[str]) -> str:
    return "\n".join(lines).rstrip() + "\n"


def _overview(found: Difference) -> Iterator[str]:
    changed = sum(not one.same for one in found.comparisons) + sum(one.side != "same" for one in found.lost)
    yield f"**{changed} of {len(found.comparisons) + len(found.lost)} models changed.**"
    yield ""
    yield from table(
        ("model", "what changed"),
        [
            *((code(one.left.target), plain(" ".join(one.sentences)) or "nothing") for one in found.comparisons),
            *((code(one.target), plain(lost(one))) for one in found.lost),
        ],
    )


def _folded(one: Comparison) -> Iterator[str]:
    """A blank line after the summary: without it a reader takes what follows as HTML."""
    yield from ("<details>", f"<summary>{plain(one.left.target)}</summary>", "")
    yield from _pair(one)
    yield from ("</details>", "")


def _pair(one: Comparison) -> list[str]:
    first, *others = map(plain, told(one))
    alike = one.left.target == one.right.target
    about = f"{code(one.left.target)}: " if alike else ""
    lines = [f"{about}**{first}**", "", *(line for other in others for line in (other, ""))]
    rows = [(row.label, plain(row.left), plain(row.right)) for row in one.rows if row.differs]
    if rows:
        sides = ("before", "after") if alike else (code(one.left.target), code(one.right.target))
        lines += [*table(("", *sides), rows), ""]
    if any(line.side != "same" for line in one.path):
        lines += [*fenced([f"{SIGNS[line.side][0]} {line.text}" for line in one.path], "diff"), ""]
    return lines
