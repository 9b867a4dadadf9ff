"""Placed: what a rule found in a tree, as a violation at its lines and columns, with its fix and its flow."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TypeAlias

from archtrace.lint.events import Module
from archtrace.lint.flow import flow
from archtrace.lint.rule import Finding
from archtrace.lint.violation import Edit, Step, Violation

#: Line, column, end line, end column.
Span: TypeAlias = tuple[int, int, int, int]

#: Where `ast` says that a node begins and ends.
STARTS, ENDS = ("lineno", "col_offset"), ("end_lineno", "end_col_offset")


def placed(code: str, finding: Finding, module: Module, lines: Sequence[str]) -> Violation:
    """A finding of a rule in a file of these lines."""
    span = _span(finding.node, finding.node, lines)
    told = flow(finding.node, finding.read, module.tree)
    steps = tuple(Step(*_span(step.first, step.last, lines), step.note) for step in told)
    fix = _fix(finding, span, lines)
    return Violation(code, finding.message, module.path, *span, finding.function, fix, steps)


def _span(first: ast.AST, last: ast.AST, lines: Sequence[str]) -> Span:
    """Lines and columns from 1, in characters, from one node to another; of a function, its first line alone."""
    (line, start), (end, stop) = (
        [getattr(node, field) for field in fields] for node, fields in ((first, STARTS), (last, ENDS))
    )
    if hasattr(last, "body"):
        return line, start + 1, line, len(lines[line - 1]) + 1
    return line, _column(lines, line, start), end, _column(lines, end, stop)


def _column(lines: Sequence[str], line: int, offset: int) -> int:
    """The column of a byte offset: `ast` counts bytes of UTF-8."""
    text = lines[line - 1] if line <= len(lines) else ""
    return (offset if text.isascii() else len(text.encode()[:offset].decode(errors="ignore"))) + 1


def _fix(finding: Finding, span: Span, lines: Sequence[str]) -> tuple[Edit, ...]:
    return (Edit(*span, _between(span, lines), finding.instead),) if finding.instead else ()


def _between(span: Span, lines: Sequence[str]) -> str:
    """The text of a span."""
    line, col, end, end_col = span
    part = list(lines[line - 1 : end])
    part[-1] = part[-1][: end_col - 1]
    part[0] = part[0][col - 1 :]
    return "\n".join(part)
