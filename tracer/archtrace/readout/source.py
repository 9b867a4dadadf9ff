"""The exact source expression at a recorded line, with the function and class around it, by libcst."""

from __future__ import annotations

import linecache
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from archtrace.paths import short_path
from archtrace.program import Frame, Node
from archtrace.results import Source

#: Frames below the model's own code: where an op lives, not where it was written.
_MACHINERY = ("/torch/", "/transformers/utils/", "/transformers/modeling_utils", "/transformers/activations")


def source_of(node: Node) -> Source | None:
    """The innermost line of model code that called an op; None where no file tells."""
    frame = next((f for f in reversed(node.frames) if not any(part in f.file for part in _MACHINERY)), None)
    if frame is None or not linecache.getline(frame.file, frame.line):
        return None
    expression, function = _enclosing(frame.file, frame.line, node.op) or (_line(frame), frame.function)
    return Source(short_path(frame.file), frame.line, expression, function)


def _line(frame: Frame) -> str:
    return linecache.getline(frame.file, frame.line).strip()


@lru_cache(maxsize=64)
def _parsed(file: str) -> MetadataWrapper | None:
    try:
        return MetadataWrapper(cst.parse_module(Path(file).read_bytes()), unsafe_skip_copy=True)
    except (OSError, cst.ParserSyntaxError, UnicodeDecodeError):
        return None


@lru_cache(maxsize=1024)
def _enclosing(file: str, line: int, op: str) -> tuple[str, str] | None:
    """The expression at a line that stands for an op, and the qualified name of the function around it."""
    wrapper = _parsed(file)
    if wrapper is None:
        return None
    finder = _Finder(line)
    wrapper.visit(finder)
    if finder.statement is None:
        return None
    code = cst.Module([]).code_for_node(_expression(finder.statement, op.removeprefix("aten::")))
    return " ".join(code.split()), ".".join(finder.function)


class _Finder(cst.CSTVisitor):
    """Finds the smallest statement that covers a line, and the names of the scopes around it."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, line: int) -> None:
        self._line = line
        self._scopes: list[str] = []
        self.statement: cst.CSTNode | None = None
        self.function: tuple[str, ...] = ()

    def on_visit(self, node: cst.CSTNode) -> bool:
        covers = self._covers(node)
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            self._scopes.append(node.name.value)
        if covers and isinstance(node, cst.SimpleStatementLine):
            self.statement, self.function = _value(node.body[0]), tuple(self._scopes)
        return covers or isinstance(node, cst.Module)

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if isinstance(original_node, cst.FunctionDef | cst.ClassDef):
            self._scopes.pop()

    def _covers(self, node: cst.CSTNode) -> bool:
        place = self.get_metadata(PositionProvider, node, None)
        return isinstance(place, CodeRange) and place.start.line <= self._line <= place.end.line


def _value(statement: cst.CSTNode) -> cst.CSTNode:
    """The right side of an assignment, what a return returns, an expression itself."""
    value = getattr(statement, "value", None)
    return value if isinstance(value, cst.CSTNode) else statement


#: Ops that subscripts are traced to.
_SUBSCRIPTS = frozenset({"select", "slice", "index"})


def _expression(value: cst.CSTNode, op: str) -> cst.CSTNode:
    """The outermost subscript (for an op that subscripts become) or call of the op's name; else the whole value."""
    for node in _subexpressions(value):
        if op in _SUBSCRIPTS and isinstance(node, cst.Subscript):
            return node
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value == op:
            return node
    return value


def _subexpressions(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    yield node
    for child in node.children:
        yield from _subexpressions(child)
