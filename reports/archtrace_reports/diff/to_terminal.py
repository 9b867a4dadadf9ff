"""Terminal: what changed in words, the facts beside each other, the path line by line."""

from __future__ import annotations

from collections.abc import Mapping

from rich.text import Text

from archtrace_reports.clean import cleaned
from archtrace_reports.diff.compare import Comparison, Row, Side
from archtrace_reports.lines import block, pad, paint, wrap
from archtrace_reports.look import Look

LABEL = 14
GAP = 2
#: side -> sign and style of a step.
SIGNS: Mapping[Side, tuple[str, str]] = {"same": (" ", "dim"), "left": ("-", "red"), "right": ("+", "green")}


def render(comparison: Comparison, look: Look) -> str:
    """The whole text, ending in a newline."""
    comparison, width = cleaned(comparison), look.width
    lines = [line for sentence in told(comparison) for line in block(sentence, look.prose, style="bold")]
    lines += [Text(), *_row(Row("", comparison.left.target, comparison.right.target), width, "bold")]
    for row in comparison.rows:
        lines += _row(row, width, "cyan" if row.differs else "dim")
    lines += [Text(), Text("  path", "dim")]
    for line in comparison.path:
        sign, style = SIGNS[line.side]
        lines += block(f"{sign} {line.text}" if sign.strip() else line.text, width, 4 if sign.strip() else 6, style)
    return paint(lines, look)


def told(comparison: Comparison) -> tuple[str, ...]:
    """The sentences; or that there is nothing to tell."""
    return comparison.sentences or ("Both read the same, by the same rule.",)


def _row(row: Row, width: int, style: str) -> list[Text]:
    """A label and two columns, each wrapped within its own; a sign stands before what differs."""
    share = (width - LABEL - GAP) // 2
    left, right = wrap(row.left, share), wrap(row.right, share)
    height = max(len(left), len(right))
    left, right = left + [""] * (height - len(left)), right + [""] * (height - len(right))
    sign = "≠ " if row.differs and row.label else "  "
    heads = [f"{sign}{row.label}", *[""] * (height - 1)]
    return [
        Text().append(pad(head, LABEL), "dim").append(pad(a, share + GAP), style).append(b, style)
        for head, a, b in zip(heads, left, right, strict=True)
    ]
