"""Code frame: the lines of a finding and of the steps that led there, each marked and noted below the code."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from archtrace_reports.check.problem import Problem, ProblemStep, shown
from archtrace_reports.text.styled import StyledLine
from archtrace_reports.text.untrusted import clean

#: Characters of a longer line that are shown, and those of them that stand before the mark.
LONGEST, BEFORE = 200, 60


class Highlight(NamedTuple):
    """A marked part of a line: columns from 1, the end exclusive. `own`: it is the finding, not a step."""

    line: int
    text: str
    start: int
    end: int
    note: str
    own: bool


def frame(finding: Problem) -> Iterator[StyledLine]:
    """Where it is, and the code: the finding's own cell first, then those of steps elsewhere in the notebook."""
    marks = {cell: _marks(finding, cell) for cell in dict.fromkeys((finding.cell, *(s.cell for s in finding.steps)))}
    gutter = len(str(max((mark.line for cell_marks in marks.values() for mark in cell_marks), default=1)))
    yield StyledLine(" " * gutter).append("--> ", "cyan").append(clean(finding.place))
    for cell, cell_marks in marks.items():
        if cell != finding.cell:
            yield StyledLine(" " * gutter).append("::: ", "cyan").append(clean(f"{shown(finding.path)}:cell {cell}"))
        yield from _lines(cell_marks, gutter) if cell_marks else ()


def _marks(finding: Problem, cell: int) -> list[Highlight]:
    """The marks in a cell by their lines; on one line the finding comes first."""
    steps = [step for step in finding.steps if step.cell == cell]
    marks = [mark for step in steps for mark in _of_step(step, own=step[:4] == finding[1:5])]
    return sorted(marks, key=lambda mark: (mark.line, not mark.own, mark.start))


def _of_step(step: ProblemStep, *, own: bool) -> Iterator[Highlight]:
    """A mark for each line of the finding; of a step elsewhere the first line is enough."""
    lines = step.text.split("\n")[: None if own else 1]
    for number, text in enumerate(lines):
        start = step.col if number == 0 else len(text) - len(text.lstrip()) + 1
        end = step.end_col if step.line + number == step.end_line else len(text.rstrip()) + 1
        last = number == len(lines) - 1
        yield Highlight(step.line + number, text, start, end, step.note if last else "", own)


def _lines(marks: list[Highlight], gutter: int) -> Iterator[StyledLine]:
    """Each line once, its marks below it; dots where lines are left out."""
    yield _margin("", gutter)
    before = marks[0].line
    for line, group in groupby(marks, key=lambda mark: mark.line):
        if line > before + 1:
            yield StyledLine("..." if gutter < 3 else "." * gutter, "cyan")
        before, below = line, [*group]
        left = 0 if len(below[0].text) <= LONGEST else max(0, below[0].start - 1 - BEFORE)
        yield _margin(str(line), gutter).append(_printed(below[0].text[left : left + LONGEST]))
        yield from (_marked(mark, left, gutter) for mark in below)
    yield _margin("", gutter)


def _marked(mark: Highlight, left: int, gutter: int) -> StyledLine:
    text = mark.text[: left + LONGEST]
    start = _width(_printed(text[left : mark.start - 1]))
    size = max(1, _width(_printed(text[mark.start - 1 : mark.end - 1])))
    style = "red" if mark.own else "cyan"
    under = ("^" if mark.own else "-") * size
    return _margin("", gutter).append(" " * start).append(f"{under} {mark.note}".rstrip(), style)


def _margin(number: str, gutter: int) -> StyledLine:
    return StyledLine(f"{number:>{gutter}} | ", "cyan")


def _printed(text: str) -> str:
    """As a terminal shows it, a tab as four columns."""
    return clean(text.replace("\t", "    "))


def _width(text: str) -> int:
    """Columns: some characters take two (https://www.unicode.org/reports/tr11/), combining ones none."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)
