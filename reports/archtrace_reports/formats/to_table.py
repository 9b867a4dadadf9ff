"""Table: a line a target, under exactly answered, answered with a bound, and not answered with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rich.cells import cell_len

from archtrace.answer.result import Result
from archtrace_reports.text.lines import pad, paint, wrap
from archtrace_reports.text.look import Look
from archtrace_reports.text.report import Report, Unanswered
from archtrace_reports.text.styled import StyledLine
from archtrace_reports.text.untrusted import cleaned
from archtrace_reports.text.wording import count, enumerate_words

SUFFIXES: tuple[str, ...] = ()
DRAWN = False
KIND = 14


def render(report: Report, look: Look) -> str:
    """Totals first, then the three groups."""
    report = cleaned(replace(report, unanswered=tuple(Unanswered(u.target, u.line) for u in report.unanswered)))
    exact = [r for r in report.results if r.status == "exact"]
    bound = [r for r in report.results if r.status == "bound"]
    targets = [*(r.target for r in report.results), *(u.target for u in report.unanswered)]
    column = _column(targets, look.width)
    lines = [StyledLine(line, "bold") for line in wrap(_totals(report, len(exact), len(bound)), look.width)]
    lines += _group("exact", "bold green", [_answered(r, column, look.width) for r in exact])
    lines += _group("bound", "bold yellow", [_answered(r, column, look.width) for r in bound])
    lines += _group("not answered", "bold red", [_refused(u, column, look.width) for u in report.unanswered])
    return paint(lines, look)


def _totals(report: Report, exact: int, bound: int) -> str:
    total = len(report.results) + len(report.unanswered)
    missing = len(report.unanswered)
    library = report.versions.get("transformers")
    text = f"{count(total, 'model')}: {exact} exact, {bound} with a bound, {missing} not answered"
    return text + (f" (transformers {library})" if library else "")


def _column(targets: Sequence[str], width: int) -> int:
    """The width of the first column, with its margins: at most about a third of the whole."""
    return 2 + min(width // 3, max(map(cell_len, targets), default=0)) + 2


def _group(title: str, style: str, rows: Sequence[Sequence[StyledLine]]) -> list[StyledLine]:
    if not rows:
        return []
    return [StyledLine(), StyledLine(f"{title} ({len(rows)})", style), *(line for row in rows for line in row)]


def _answered(result: Result, column: int, width: int) -> list[StyledLine]:
    kinds = enumerate_words([*dict.fromkeys(r.kind for r in result.readouts)]) or "none"
    kind = pad(kinds, KIND) if cell_len(kinds) < KIND else f"{kinds}  "
    slices = enumerate_words([r.slice for r in result.readouts])
    hang = KIND if cell_len(kinds) < KIND else 0
    return _row(result.target, kind + slices if hang else f"{kinds}: {slices}", column, width, hang)


def _refused(unanswered: Unanswered, column: int, width: int) -> list[StyledLine]:
    return _row(unanswered.target, unanswered.reason, column, width)


def _row(target: str, text: str, column: int, width: int, hang: int = 0) -> list[StyledLine]:
    """Target at the left, text at the right; `hang` further columns of the text stay clear below its first line."""
    head, rest = text[:hang], text[hang:]
    names = wrap(target, column - 4)
    words = wrap(rest, width - column - hang)
    lines = []
    for i in range(max(len(names), len(words))):
        line = StyledLine(pad(f"  {names[i]}" if i < len(names) else "", column), "cyan")
        line.append(pad(head if i == 0 else "", hang), "").append(words[i] if i < len(words) else "")
        lines.append(line)
    return lines
