"""Markdown: the difference for a pull request: what changed in words, the facts that differ, the path as a diff."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archtrace_reports.diff.compare import Comparison, Difference
from archtrace_reports.diff.sentences import change_sentences, lost
from archtrace_reports.diff.to_terminal import SIGNS
from archtrace_reports.formats.to_markdown import code, fenced, plain, table
from archtrace_reports.text.look import Look
from archtrace_reports.text.untrusted import cleaned

SUFFIXES = (".md", ".markdown")


def render(difference: Difference, look: Look) -> str:
    """The comment. Of several pairs a table first, then those that differ, folded."""
    del look
    difference = cleaned(difference)
    if difference.one_pair:
        return _text(_pair(difference.comparisons[0]))
    folded = [line for pair in difference.comparisons if not pair.same for line in _folded(pair)]
    return _text([*_overview(difference), "", *folded])


def _text(lines: Sequence[str]) -> str:
    return "\n".join(lines).rstrip() + "\n"


def _overview(difference: Difference) -> Iterator[str]:
    changed = sum(not pair.same for pair in difference.comparisons)
    changed += sum(target.side != "same" for target in difference.lost)
    yield f"**{changed} of {len(difference.comparisons) + len(difference.lost)} models changed.**"
    yield ""
    yield from table(
        ("model", "what changed"),
        [
            *((code(p.left.target), plain(" ".join(p.sentences)) or "nothing") for p in difference.comparisons),
            *((code(target.target), plain(lost(target))) for target in difference.lost),
        ],
    )


def _folded(comparison: Comparison) -> Iterator[str]:
    """A blank line after the summary: without it a reader takes what follows as HTML."""
    yield from ("<details>", f"<summary>{plain(comparison.left.target)}</summary>", "")
    yield from _pair(comparison)
    yield from ("</details>", "")


def _pair(comparison: Comparison) -> list[str]:
    first, *others = map(plain, change_sentences(comparison))
    alike = comparison.left.target == comparison.right.target
    about = f"{code(comparison.left.target)}: " if alike else ""
    lines = [f"{about}**{first}**", "", *(line for other in others for line in (other, ""))]
    rows = [(row.label, plain(row.left), plain(row.right)) for row in comparison.rows if row.differs]
    if rows:
        sides = ("before", "after") if alike else (code(comparison.left.target), code(comparison.right.target))
        lines += [*table(("", *sides), rows), ""]
    if any(line.side != "same" for line in comparison.path):
        lines += [*fenced([f"{SIGNS[line.side][0]} {line.text}" for line in comparison.path], "diff"), ""]
    return lines
