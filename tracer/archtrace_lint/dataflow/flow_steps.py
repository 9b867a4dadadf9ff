"""Flow: how a value reached the place of a finding and the place where it is read, step by step.

Worked out from the tree for each finding, by the names alone: the abstract values carry no history, so that the many
files without a finding pay nothing for it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

from archtrace_lint.source.syntax import Function, functions, last_word

#: Steps before the finding, at most: where its names come from, the nearest ones.
MAX_ORIGINS = 4

#: Names, each with a binding.
NamedBindings: TypeAlias = "list[tuple[str, Binding]]"
Bindings: TypeAlias = "dict[str, list[Binding]]"


class FlowRange(NamedTuple):
    """A piece of source from the start of one node to the end of another, and what happens there."""

    first: ast.AST
    last: ast.AST
    note: str


class Binding(NamedTuple):
    """A name is bound to what `value` gives, or to one item of it; a parameter has no value. It holds from `line` on:
    a comprehension reads its names above the line that binds them."""

    name: ast.AST
    value: ast.expr | None
    line: int


def flow_steps(finding: ast.AST, read: ast.AST | None, tree: ast.Module) -> list[FlowRange]:
    """The steps that lead to a finding and on to what reads at that index, in the order in which they happen."""
    defining = _function(finding, tree)
    before = [_bound(name, binding) for name, binding in _origins(finding, [*_scopes(defining, tree)])]
    if read is None:
        return [*before, FlowRange(finding, finding, "")]
    return [*before, FlowRange(finding, finding, "becomes the index"), *_steps_to_read(finding, read, defining, tree)]


def _bound(name: str, binding: Binding) -> FlowRange:
    note = f"`{name}` comes in" if binding.value is None else f"`{name}` is set"
    return FlowRange(binding.name, binding.value or binding.name, note)


def _steps_to_read(finding: ast.AST, read: ast.AST, defining: Function | None, tree: ast.Module) -> Iterator[FlowRange]:
    """From the finding to the read: the call of the function around the finding, and the names that pass it on."""
    reading = _function(read, tree)
    goals = [finding] if reading is defining else _calls(defining, reading or tree)
    for goal in goals:
        between = _bindings_between(read, goal, _bindings(reading or tree), set())
        if between is None:
            continue
        if goal is not finding and defining is not None:
            yield FlowRange(goal, goal, f"`{defining.name}` returns it")
        yield from (FlowRange(b.name, b.value or b.name, f"passed on as `{name}`") for name, b in between[1:])
        # Each call shows the way; one of them is enough.
        break
    if read is not finding:
        yield FlowRange(read, read, "read at that index")


def _calls(defining: Function | None, where: ast.AST) -> list[ast.AST]:
    """Where a function is called, by its name or as a method."""
    name = defining.name if defining else ""
    return [n for n in ast.walk(where) if isinstance(n, ast.Call) and last_word(n.func) == name]


def _bindings_between(node: ast.AST, goal: ast.AST, bound: Bindings, visited: set[int]) -> NamedBindings | None:
    """The bindings through which a goal comes into a node, the first of which holds the goal; None: it does not."""
    if _inside(goal, node):
        return []
    for name in _names(node):
        for binding in _reaching(node, bound.get(name, ())):
            if binding.value is not None and id(binding.name) not in visited:
                # By the node, as `x = f(x)` in a loop leads to itself.
                visited.add(id(binding.name))
                between = _bindings_between(binding.value, goal, bound, visited)
                if between is not None:
                    return [*between, (name, binding)]
    return None


def _origins(finding: ast.AST, scopes: list[Bindings]) -> NamedBindings:
    """Where the names in a node were bound, and the names in that, the nearest first; then in their order."""
    visited = dict[int, tuple[str, Binding]]()
    pending = [finding]
    while pending and len(visited) < MAX_ORIGINS:
        node = pending.pop(0)
        for name in _names(node):
            binding = next((b for bound in scopes for b in _reaching(node, bound.get(name, ()))), None)
            if binding and id(binding.name) not in visited and len(visited) < MAX_ORIGINS:
                visited[id(binding.name)] = name, binding
                pending += [binding.value] if binding.value else []
    return sorted(visited.values(), key=lambda named: (named[1].line, getattr(named[1].name, "col_offset", 0)))


def _reaching(node: ast.AST, bindings: Sequence[Binding]) -> Iterator[Binding]:
    """Bindings that may hold in a node, the nearest first: `x = f(x)` on its line binds another x than it reads."""
    line = getattr(node, "lineno", 0)
    return (b for b in reversed(bindings) if b.line < line or (b.line == line and not _inside(node, b.value)))


def _scopes(defining: Function | None, tree: ast.Module) -> Iterator[Bindings]:
    if defining is not None:
        yield _bindings(defining)
    yield _bindings(ast.Module([n for n in tree.body if not isinstance(n, Function | ast.ClassDef)], []))


def _bindings(scope: ast.AST) -> Bindings:
    """Each name that is bound in a function or a module, in the order of the lines."""
    by_name = dict[str, list[Binding]]()
    for name, binding in sorted(_all_bindings(scope), key=lambda named: named[1].line):
        by_name.setdefault(name, []).append(binding)
    return by_name


def _all_bindings(scope: ast.AST) -> Iterator[tuple[str, Binding]]:
    for node in ast.walk(scope):
        if isinstance(node, ast.arg) and node.arg not in ("self", "cls"):
            yield node.arg, Binding(node, None, node.lineno)
        for target, value in _targets(node):
            for name in ast.walk(target):
                # In `x[i] = y` and `x.a = y` the names are loaded: nothing is bound.
                if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store):
                    yield name.id, Binding(name, value, getattr(node, "lineno", 0))


def _targets(node: ast.AST) -> list[tuple[ast.expr, ast.expr]]:
    """What a statement, a loop or a comprehension binds, and to what."""
    if isinstance(node, ast.Assign):
        return [(target, node.value) for target in node.targets]
    if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        return [(generator.target, generator.iter) for generator in node.generators]
    if isinstance(node, ast.For | ast.AsyncFor):
        return [(node.target, node.iter)]
    if isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr) and node.value:
        return [(node.target, node.value)]
    return []


def _names(node: ast.AST) -> list[str]:
    """The distinct names that a node reads, in the order of the source."""
    return list(dict.fromkeys(n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)))


def _inside(node: ast.AST, whole: ast.AST | None) -> bool:
    return whole is not None and any(n is node for n in ast.walk(whole))


def _function(node: ast.AST, tree: ast.Module) -> Function | None:
    """The innermost function around a node."""
    line = getattr(node, "lineno", 0)
    enclosing = (f for _, f in functions(tree) if f.lineno <= line <= (f.end_lineno or line))
    return max((n for n in enclosing if n is not node), key=lambda n: n.lineno, default=None)
