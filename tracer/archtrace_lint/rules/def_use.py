"""Definitions and uses within a function: what an expression is made of, and how its value is used.

A fix changes the value of an index, so only an index that is used for nothing but reading is fixed."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from archtrace_lint.dataflow.calls import GATHERS
from archtrace_lint.dataflow.operations import SAME
from archtrace_lint.dataflow.spellings import LIBRARIES, word_set
from archtrace_lint.source.syntax import Function, functions, root_name

#: Functions that return an index if it is one of their arguments.
SELECTING = SAME | word_set("where maximum minimum fmax fmin")

#: Functions that return one of their two numbers or tensors.
BOUNDS = word_set("min max")

#: Attributes and functions that do not depend on the values of a tensor.
SHAPE_ONLY = word_set("device dtype shape size ndim dim numel len")

#: Arithmetic that keeps an index an index.
SHIFTS = (ast.Mod, ast.Add, ast.Sub)


#: The lists of statements that a statement can have.
_BODIES = ("body", "orelse", "finalbody")


@dataclass(frozen=True)
class FunctionNodes:
    """The nodes of a function or of a module."""

    nodes: tuple[ast.AST, ...]

    @cached_property
    def parents(self) -> dict[int, ast.AST]:
        """The parent of each node, by the node's id."""
        return {id(child): node for node in self.nodes for child in ast.iter_child_nodes(node)}

    def loads(self, name: str) -> Iterator[ast.Name]:
        """Where a name is read."""
        return (n for n in self.nodes if isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load))

    def loads_after(self, name: str, binding: ast.stmt) -> Iterator[ast.Name]:
        """Where a name is read after a binding of it, without another binding in between."""
        later = [(n.lineno, self._blocks(n)[:1]) for n in self._stores(name) if n.lineno > binding.lineno]
        for load in self.loads(name):
            blocks = self._blocks(load)
            # A binding in another branch does not count: `if a: x = f(x)` … `else: g(x)`.
            is_rebound = any(line < load.lineno and block[0] in blocks for line, block in later if block)
            if load.lineno > binding.lineno and not is_rebound:
                yield load

    def _stores(self, name: str) -> Iterator[ast.Name]:
        return (n for n in self.nodes if isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store))

    def _blocks(self, node: ast.AST) -> list[tuple[int, str]]:
        """The statement lists around a node, innermost first: the id of their owner, and its field."""
        blocks = []
        while (parent := self.parents.get(id(node))) is not None:
            if isinstance(node, ast.stmt):
                blocks += [(id(parent), f) for f in _BODIES if any(part is node for part in getattr(parent, f, ()))]
            node = parent
        return blocks

    def assigned(self, name: str) -> Iterator[ast.expr | None]:
        """The values assigned to a name; None for one that is unknown."""
        for node in self._stores(name):
            parent = self.parents.get(id(node))
            yield parent.value if isinstance(parent, ast.Assign | ast.AnnAssign | ast.NamedExpr) else None


def scope_of(node: ast.AST, tree: ast.Module) -> FunctionNodes:
    """The innermost function around a node; the module if there is none, or if the node is not in the tree."""
    line = getattr(node, "lineno", 0)
    # By the lines first, so that only functions that can contain the node are walked.
    enclosing = [f for f in _functions(tree) if _first(f) <= line <= (f.end_lineno or line)]
    containing = (f for f in reversed(enclosing) if any(n is node for n in scope_in(f).nodes))
    return scope_in(next(containing, tree))


def _first(function: Function) -> int:
    """The first line of a function with its decorators."""
    return min(n.lineno for n in (function, *function.decorator_list))


#: These two caches serve the candidates of one file, and are no larger than that needs.
@lru_cache(maxsize=16)
def scope_in(whole: ast.AST) -> FunctionNodes:
    """The nodes of a function or of a module, cached."""
    return FunctionNodes(tuple(ast.walk(whole)))


@lru_cache(maxsize=1)
def _functions(tree: ast.Module) -> tuple[Function, ...]:
    """The functions of a tree, outer ones first."""
    return tuple(function for _, function in functions(tree))


def only_reads(node: ast.AST, scope: FunctionNodes, visited: frozenset[str] = frozenset()) -> bool:
    """True when the value of an expression is used only in subscripts and gathers, also through other names."""
    parent = scope.parents.get(id(node))
    while parent is not None and _passes_value_on(node, parent):
        node, parent = parent, scope.parents.get(id(parent))
    if isinstance(parent, ast.Assign | ast.AnnAssign):
        name = _target(parent)
        # A name that is bound to itself in a loop (`x = x % n`) was visited already.
        return name in visited or (
            name != "" and all(only_reads(n, scope, visited | {name}) for n in scope.loads(name))
        )
    return parent is not None and _reads(node, parent)


def forward_slice(
    node: ast.AST, scope: FunctionNodes, visited: frozenset[str] = frozenset()
) -> Iterator[tuple[ast.AST, ast.AST]]:
    """The uses of the value of an expression, from the inside out, and on through the names that it is assigned to.

    In pairs: the expression or the name, and its parent node.
    """
    parent = scope.parents.get(id(node))
    while parent is not None and not isinstance(parent, ast.stmt):
        yield node, parent
        parent = scope.parents.get(id(parent))
    if parent is not None:
        yield node, parent
    name = _target(parent) if isinstance(parent, ast.Assign | ast.AnnAssign) else ""
    for load in (
        scope.loads_after(name, parent) if name and name not in visited and isinstance(parent, ast.stmt) else ()
    ):
        yield from forward_slice(load, scope, visited | {name})


def without_same_shape_calls(node: ast.AST) -> ast.AST:
    """An expression without the method calls around it that leave its abstract value as it is (see SAME)."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in SAME:
        node = node.func.value
    return node


def _target(node: ast.Assign | ast.AnnAssign) -> str:
    """The name of an assignment with a single name as its target, else ""."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return targets[0].id if len(targets) == 1 and isinstance(targets[0], ast.Name) else ""


def _reads(node: ast.AST, parent: ast.AST) -> bool:
    """The parent reads something at the index, or only its shape."""
    if isinstance(parent, ast.Subscript):
        return node is parent.slice
    if isinstance(parent, ast.Call):
        return node is not parent.func and _name(parent) in GATHERS | SHAPE_ONLY
    return isinstance(parent, ast.Attribute) and parent.attr in SHAPE_ONLY


def _passes_value_on(node: ast.AST, parent: ast.AST) -> bool:
    """The parent passes the index on."""
    if isinstance(parent, ast.Call):
        return node is parent.func or (isinstance(node, ast.expr) and _returns_index(parent))
    if isinstance(parent, ast.Attribute):
        return parent.attr in SAME
    if isinstance(parent, ast.Subscript):
        return node is parent.value
    if isinstance(parent, ast.IfExp):
        return node is not parent.test
    return isinstance(parent, ast.Tuple | ast.keyword) or (
        isinstance(parent, ast.BinOp) and isinstance(parent.op, SHIFTS)
    )


def _returns_index(call: ast.Call) -> bool:
    """A function of torch that returns the index; a bound by Python's `min` or `max`, or by torch's of two tensors."""
    name = _name(call)
    if root_name(call.func) == "torch":
        return name in SELECTING or (
            name in BOUNDS and len(call.args) == 2 and not isinstance(call.args[1], ast.Constant)
        )
    return isinstance(call.func, ast.Name) and name in BOUNDS | {"int"}


def _name(call: ast.Call) -> str:
    """The last word of a callee."""
    func = call.func
    return func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""


def _never(node: ast.AST) -> bool:
    return False


def backward_slice(node: ast.AST, scope: FunctionNodes, stop: Callable[[ast.AST], bool] = _never) -> Iterator[ast.AST]:
    """The nodes of an expression and of all definitions of its names; not those for which `stop` is true."""
    visited: set[str] = set()
    pending = [node]
    while pending:
        for part in _parts(pending.pop(), stop):
            yield part
            if isinstance(part, ast.Name) and part.id not in visited | LIBRARIES:
                visited.add(part.id)
                pending += definitions(part.id, scope)


def _parts(node: ast.AST, stop: Callable[[ast.AST], bool]) -> Iterator[ast.AST]:
    pending = [node]
    while pending:
        part = pending.pop()
        if not stop(part):
            yield part
            pending += ast.iter_child_nodes(part)


def definitions(name: str, scope: FunctionNodes) -> Iterator[ast.AST]:
    """The values bound to a name, also within a tuple; and those that change it in place (`x[m] = 0`, `x *= y`)."""
    for node in scope.nodes:
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.For):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(_binds(target, name) for target in targets):
                yield from (node.iter if isinstance(node, ast.For) else node.value or node, *map(_index, targets))
        elif isinstance(node, ast.NamedExpr) and node.target.id == name:
            yield node.value


def _index(target: ast.expr) -> ast.AST:
    """The index of a subscript that is assigned to."""
    return target.slice if isinstance(target, ast.Subscript) else ast.Pass()


def _binds(target: ast.expr, name: str) -> bool:
    if isinstance(target, ast.Tuple | ast.List):
        return any(_binds(part, name) for part in target.elts)
    if isinstance(target, ast.Subscript | ast.Starred):
        return _binds(target.value, name)
    return isinstance(target, ast.Name) and target.id == name
