"""What stands behind an expression: the expressions of its names, and of theirs, within a function."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from archtrace_lint.dataflow.spellings import LIBRARIES
from archtrace_lint.rules.uses import FunctionNodes


def _never(node: ast.AST) -> bool:
    return False


def behind(node: ast.AST, scope: FunctionNodes, stop: Callable[[ast.AST], bool] = _never) -> Iterator[ast.AST]:
    """The nodes of an expression and of all that is bound to its names; not of those at which to stop."""
    met: set[str] = set()
    todo = [node]
    while todo:
        for part in _parts(todo.pop(), stop):
            yield part
            if isinstance(part, ast.Name) and part.id not in met | LIBRARIES:
                met.add(part.id)
                todo += bindings(part.id, scope)


def _parts(node: ast.AST, stop: Callable[[ast.AST], bool]) -> Iterator[ast.AST]:
    todo = [node]
    while todo:
        part = todo.pop()
        if not stop(part):
            yield part
            todo += ast.iter_child_nodes(part)


def bindings(name: str, scope: FunctionNodes) -> Iterator[ast.AST]:
    """What is bound to a name, also as a part of a tuple; and what changes it in place (`x[m] = 0`, `x *= y`)."""
    for node in scope.nodes:
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.For):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(_binds(target, name) for target in targets):
                yield from (node.iter if isinstance(node, ast.For) else node.value or node, *map(_index, targets))
        elif isinstance(node, ast.NamedExpr) and node.target.id == name:
            yield node.value


def _index(target: ast.expr) -> ast.AST:
    """The index of a place that is assigned to."""
    return target.slice if isinstance(target, ast.Subscript) else ast.Pass()


def _binds(target: ast.expr, name: str) -> bool:
    if isinstance(target, ast.Tuple | ast.List):
        return any(_binds(part, name) for part in target.elts)
    if isinstance(target, ast.Subscript | ast.Starred):
        return _binds(target.value, name)
    return isinstance(target, ast.Name) and target.id == name
