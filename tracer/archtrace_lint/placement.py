"""A match of a rule as a violation with lines and columns, its fix and its flow."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from keyword import iskeyword
from typing import TypeAlias

from archtrace_lint.dataflow.events import SourceModule
from archtrace_lint.dataflow.flow_steps import flow_steps
from archtrace_lint.rule import Match, Replacement
from archtrace_lint.violation import Edit, FlowStep, Violation

#: Line, column, end line, end column.
Span: TypeAlias = tuple[int, int, int, int]

#: Words of a comment about a bound or a wrap.
_OF_BOUNDS = re.compile(r"modulo|%|wrap|negative|reverse.index|clamp|clip|out.part.(bounds|range)", re.IGNORECASE)

#: A parenthesis right before an expression, and the word or the bracket before that; one right after it.
_GROUP = re.compile(r"(?P<word>\w*|[)\]])[^\S\n]*(?P<open>\([^\S\n]*\n?[^\S\n]*)$")
_CLOSED = re.compile(r"[^\S\n]*\n?[^\S\n]*\)")

#: Where `ast` says that a node begins and ends.
STARTS, ENDS = ("lineno", "col_offset"), ("end_lineno", "end_col_offset")


def as_violation(code: str, match: Match, module: SourceModule, lines: Sequence[str]) -> Violation:
    """A match of a rule as a violation in a file of these lines."""
    span = _span(match.node, match.node, lines)
    route = flow_steps(match.node, match.read, module.tree)
    steps = tuple(FlowStep(*_span(step.first, step.last, lines), step.note) for step in route)
    fix = tuple(_edits(match, match.replacement, lines)) if match.replacement else ()
    return Violation(code, match.message, module.path, *span, match.function, fix, steps)


def _span(first: ast.AST, last: ast.AST, lines: Sequence[str]) -> Span:
    """Lines and columns from 1, in characters, from one node to another; of a function, its first line alone."""
    (line, start), (end, stop) = (
        [getattr(node, field) for field in fields] for node, fields in ((first, STARTS), (last, ENDS))
    )
    # Editors underline the whole span; for a function, its first line is enough.
    if hasattr(last, "body"):
        return line, start + 1, line, len(lines[line - 1]) + 1
    return line, _column(lines, line, start), end, _column(lines, end, stop)


def _column(lines: Sequence[str], line: int, offset: int) -> int:
    """The column of a byte offset: `ast` counts bytes of UTF-8."""
    text = lines[line - 1] if line <= len(lines) else ""
    return (offset if text.isascii() else len(text.encode()[:offset].decode(errors="ignore"))) + 1


def _edits(match: Match, replacement: Replacement, lines: Sequence[str]) -> Iterator[Edit]:
    """The edit of the expression, and edits that remove the redundant lines."""
    span = _with_parentheses(_span(replacement.node, replacement.node, lines), lines)
    yield Edit(*span, _text_of(span, lines), replacement.text)
    for statement in replacement.redundant:
        first, end = statement.lineno, statement.end_lineno or statement.lineno
        # `a = 1; b = 2` shares its line, and the last line of a file may have no end to cut: such a statement
        # stays, without effect.
        if _has_own_lines(statement, lines) and end < len(lines):
            comments = _bound_comments(first, lines)
            yield _removed_lines(first - comments, end, lines)
    start = replacement.node.lineno
    # A comment about a removed clamp is removed with it.
    above = _bound_comments(start, lines) if replacement.redundant or replacement.node is not match.node else 0
    if above:
        yield _removed_lines(start - above, start - 1, lines)


def _with_parentheses(span: Span, lines: Sequence[str]) -> Span:
    """The span with the parentheses that group its expression, as new text needs none; a call keeps its own."""
    line, col, end, end_col = span
    opened = _GROUP.search(_text_of((max(1, line - 1), 1, line, col), lines))
    below = min(end + 1, len(lines))
    closed = _CLOSED.match(_text_of((end, end_col, below, len(lines[below - 1]) + 1), lines))
    # In `f(x - 1)` and `f[0](x - 1)` the parentheses call; after a keyword, as in `return (x - 1)`, they only group.
    if not opened or not closed or (opened["word"] and not iskeyword(opened["word"])):
        return span
    # The parenthesis stood at the end of the line above, as formatters write it.
    if "\n" in opened["open"]:
        line, col = line - 1, len(lines[line - 2].rstrip())
    else:
        col -= len(opened["open"])
    if "\n" in closed[0]:
        return line, col, end + 1, len(closed[0]) - closed[0].index("\n")
    return line, col, end, end_col + len(closed[0])


def _has_own_lines(statement: ast.stmt, lines: Sequence[str]) -> bool:
    """No other statement shares its lines."""
    before, after = lines[statement.lineno - 1][: statement.col_offset], lines[(statement.end_lineno or 0) - 1]
    rest = after.encode()[statement.end_col_offset or 0 :].decode().strip()
    return not before.strip() and (not rest or rest.startswith("#"))


def _bound_comments(line: int, lines: Sequence[str]) -> int:
    """The number of comment lines right above a line if they are about a bound or a wrap, else 0."""
    number = 0
    while line - number > 1 and lines[line - number - 2].strip().startswith("#"):
        number += 1
    text = "\n".join(lines[line - number - 1 : line - 1])
    return number if _OF_BOUNDS.search(text) else 0


def _removed_lines(first: int, last: int, lines: Sequence[str]) -> Edit:
    """An edit that removes these lines."""
    span = (first, 1, last + 1, 1)
    return Edit(*span, _text_of(span, lines), "")


def _text_of(span: Span, lines: Sequence[str]) -> str:
    """The text of a span."""
    line, col, end, end_col = span
    part = list(lines[line - 1 : end])
    part[-1] = part[-1][: end_col - 1]
    part[0] = part[0][col - 1 :]
    return "\n".join(part)
