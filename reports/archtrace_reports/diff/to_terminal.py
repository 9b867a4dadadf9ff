"""Terminal: what changed in words, the facts beside each other, the path line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from archtrace_reports.diff.compare import Comparison, Difference, Fact, PathLine, Side
from archtrace_reports.diff.sentences import change_sentences, lost
from archtrace_reports.text.lines import block, pad, paint, wrap
from archtrace_reports.text.look import Look
from archtrace_reports.text.styled import StyledLine
from archtrace_reports.text.untrusted import cleaned

SUFFIXES = (".txt",)
LABEL = 14
GAP = 2
#: Narrower columns would break most words: there one side stands below the other.
NARROWEST = 30
#: side -> sign and style of a step.
SIGNS: Mapping[Side, tuple[str, str]] = {"same": (" ", "dim"), "left": ("-", "red"), "right": ("+", "green")}


def render(difference: Difference, look: Look) -> str:
    """The whole text, ending in a newline. Of several pairs those that are the same take a line each."""
    difference = cleaned(difference)
    if difference.one_pair:
        return paint(_pair(difference.comparisons[0], look), look)
    return paint([line for part in _parts(difference, look) for line in (*part, StyledLine())][:-1], look)


def _parts(difference: Difference, look: Look) -> Iterator[list[StyledLine]]:
    for comparison in difference.comparisons:
        if comparison.same:
            sentences = " ".join(change_sentences(comparison))
            yield [*block(comparison.left.target, look.prose, style="bold"), *block(sentences, look.prose, 2)]
        else:
            yield [*block(comparison.left.target, look.prose, style="bold"), *_pair(comparison, look)]
    for gone in difference.lost:
        yield [*block(gone.target, look.prose, style="bold"), *block(lost(gone), look.prose, 2, "yellow")]


def _pair(comparison: Comparison, look: Look) -> list[StyledLine]:
    lines = [line for sentence in change_sentences(comparison) for line in block(sentence, look.prose, style="bold")]
    lines += [StyledLine(), *_row(Fact("", comparison.left.target, comparison.right.target, False), look.width, "bold")]
    for row in comparison.rows:
        lines += _row(row, look.width, "cyan" if row.differs else "dim")
    lines += [StyledLine(), StyledLine("  path", "dim")]
    return lines + [line for step in comparison.path for line in _step(step, look.prose)]


def _step(step: PathLine, width: int, style: str = "") -> list[StyledLine]:
    sign, own = SIGNS[step.side]
    first, *others = wrap(step.text, width - 6)
    return [
        StyledLine(f"    {sign} {first}", style or own),
        *(StyledLine(f"      {line}", style or own) for line in others),
    ]


def _row(row: Fact, width: int, style: str) -> list[StyledLine]:
    """A label and two columns, each wrapped within its own; a sign stands before what differs."""
    share = (width - LABEL - GAP) // 2
    if share < NARROWEST:
        return _below(row, width, style)
    left, right = wrap(row.left, share), wrap(row.right, share)
    height = max(len(left), len(right))
    left, right = left + [""] * (height - len(left)), right + [""] * (height - len(right))
    heads = [f"{'≠' if row.differs else ' '} {row.label}", *[""] * (height - 1)]
    return [
        StyledLine().append(pad(head, LABEL), "dim").append(pad(a, share + GAP), style).append(b, style)
        for head, a, b in zip(heads, left, right, strict=True)
    ]


def _below(row: Fact, width: int, style: str) -> list[StyledLine]:
    """A label, and below it what both sides say, or what each of them does."""
    sides: tuple[tuple[Side, str], ...] = (("left", row.left), ("right", row.right))
    if row.left == row.right:
        sides = (("same", row.left),)
    head = [StyledLine(f"{'≠' if row.differs else ' '} {row.label}", "dim")] if row.label else []
    return head + [line for side, text in sides for line in _step(PathLine(side, text), width, style)]
