"""The exact source expression at a recorded line, with the function and class around it."""

from __future__ import annotations

import ast
import linecache
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from archtrace.answer.result import Source
from archtrace.capture.call_sites import short_path
from archtrace.capture.program import CallSite, Node
from archtrace.ops import OPERATORS, SUBSCRIPTS, plain, qualified

#: Frames below the model's own code: where an op lives, not where it was written.
_MACHINERY = ("/torch/", "/transformers/utils/", "/transformers/modeling_utils", "/transformers/activations")


def frame_of(node: Node) -> CallSite | None:
    """The innermost line of model code that called an op; None where no file tells."""
    frame = next((f for f in reversed(node.frames) if not any(part in f.file for part in _MACHINERY)), None)
    return frame if frame is not None and linecache.getline(frame.file, frame.line) else None


def source_of(node: Node, turn: tuple[int, int] = (0, 1)) -> Source | None:
    """The source at the innermost line of model code that called an op; None where no file tells.

    `turn` says which of how many calls of the op at that line this one is, in the order of execution.
    """
    frame = frame_of(node)
    if frame is None:
        return None
    expression, function = _enclosing(frame.file, frame.line, node.op, turn) or (_line(frame), frame.function)
    return Source(short_path(frame.file), frame.line, expression, function)


def _line(frame: CallSite) -> str:
    return linecache.getline(frame.file, frame.line).strip()


@lru_cache(maxsize=64)
def _parsed(file: str) -> tuple[Sequence[str], ast.Module] | None:
    """A file's lines and tree. The standard parser: nothing is rewritten, and it is ten times as fast as libcst."""
    try:
        text = Path(file).read_text("utf-8")
        # Lines as the parser counts them: a form feed is no end of one.
        return re.findall(r"[^\n]*\n|[^\n]+", text), ast.parse(text)
    except (OSError, SyntaxError, ValueError):
        return None


@lru_cache(maxsize=1024)
def _enclosing(file: str, line: int, op: str, turn: tuple[int, int]) -> tuple[str, str] | None:
    """The expression at a line that stands for an op, and the qualified name of the function around it."""
    parsed = _parsed(file)
    if parsed is None:
        return None
    lines, tree = parsed
    scopes, statement = _smallest(tree, line)
    value = _value(statement)
    if value is None:
        return None
    # Lines of the statement alone: torch's and the library's files have thousands.
    part = _expression(value, plain(op), turn)
    return " ".join(_text(lines, part).split()), ".".join(scopes)


def _text(lines: Sequence[str], node: ast.AST) -> str:
    """The source of an expression. Its columns count bytes."""
    first, last = getattr(node, "lineno", 1), getattr(node, "end_lineno", 1)
    own = [line.encode() for line in lines[first - 1 : last]]
    own[-1] = own[-1][: getattr(node, "end_col_offset", 0)]
    own[0] = own[0][getattr(node, "col_offset", 0) :]
    return b"".join(own).decode()


def _smallest(tree: ast.Module, line: int) -> tuple[list[str], ast.stmt | None]:
    """The smallest statement that covers a line, and the names of the scopes around it."""
    scopes: list[str] = []
    statement: ast.stmt | None = None
    parent: ast.AST | None = tree
    while parent is not None:
        parent = next((s for s in _statements(parent) if s.lineno <= line <= (s.end_lineno or s.lineno)), None)
        if isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            scopes.append(parent.name)
        elif parent is not None:
            statement = parent
    return scopes, statement


def _statements(node: ast.AST) -> Iterator[ast.stmt]:
    """The statements directly below a node, in the order of the text; those of handlers and cases too."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield child
        elif isinstance(child, ast.ExceptHandler | ast.match_case):
            yield from child.body


def _value(statement: ast.stmt | None) -> ast.AST | None:
    """The right side of an assignment, what a return returns, what a loop runs over, an expression or a condition."""
    values = (getattr(statement, name, None) for name in ("value", "test", "iter"))
    return next((value for value in values if isinstance(value, ast.AST)), None)


def _expression(value: ast.AST, op: str, turn: tuple[int, int]) -> ast.AST:
    """The expression that an op stands for: by its turn where each call has one; else the outermost; else all."""
    nodes = [node for node in _subexpressions(value) if _stands_for(node, op)]
    which, calls = turn
    if len(nodes) == calls > 1:
        return sorted(nodes, key=_end)[which]
    return nodes[0] if nodes else value


def _end(node: ast.AST) -> tuple[int, int]:
    """Where an expression ends: what is evaluated first ends first, but for what encloses it."""
    return getattr(node, "end_lineno", 0), getattr(node, "end_col_offset", 0)


def _stands_for(node: ast.AST, op: str) -> bool:
    """A subscript, a call of the op's name, or its operator."""
    if isinstance(node, ast.Subscript):
        return qualified(op) in SUBSCRIPTS
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Attribute) and node.func.attr == op
    signs = [getattr(node, "op", None), *getattr(node, "ops", [])]
    return any(type(sign).__name__ == OPERATORS.get(op) for sign in signs)


def _subexpressions(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _subexpressions(child)
