"""Where a value is asked whether it is true, and not whether it is there."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from archtrace_lint.source.walks import FUNCTIONS


def inside(tree: ast.AST, function: str = "") -> Iterator[tuple[str, ast.AST]]:
    """All nodes of a tree, each with the qualified name of the function around it."""
    for child in ast.iter_child_nodes(tree):
        yield function, child
        named = isinstance(child, (*FUNCTIONS, ast.ClassDef))
        inner = f"{function}.{child.name}".lstrip(".") if named else function  # type: ignore[attr-defined]
        yield from inside(child, inner)


def tested(node: ast.AST) -> Iterator[ast.expr]:
    """What a node itself asks for its truth: a condition, the operand of `not`, what stands before `or` and `and`."""
    if isinstance(node, ast.If | ast.While | ast.IfExp | ast.Assert):
        yield from _last(node.test)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield from _last(node.operand)
    elif isinstance(node, ast.comprehension):
        for condition in node.ifs:
            yield from _last(condition)
    elif isinstance(node, ast.BoolOp):
        for value in node.values[:-1]:
            yield from _last(value)


def _last(node: ast.expr) -> Iterator[ast.expr]:
    """A condition; of `a and b` the last part, as the node of `and` itself tells of the others."""
    while isinstance(node, ast.BoolOp):
        node = node.values[-1]
    yield node
