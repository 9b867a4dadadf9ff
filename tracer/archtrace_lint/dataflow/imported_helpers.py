"""Functions of other files of the tree, followed as if they stood at the call: what they do is told there."""

from __future__ import annotations

import ast
import copy
from dataclasses import replace

from archtrace_lint.dataflow.abstract_values import AbstractValues
from archtrace_lint.dataflow.events import Event, Gather, Mean, SourceModule
from archtrace_lint.dataflow.frame import FileContext, Frame
from archtrace_lint.dataflow.function_runs import bound_arguments, run_function
from archtrace_lint.source.import_resolver import ImportedSource

#: What a function is followed for: it holds one of these, or nothing comes of it.
_RELEVANT = (b"sum(", b"argm", b"nonzero", b"mean(", b"gather", b"arange", b"[:,", b"- 1")


def imported_function(func: ast.expr, frame: Frame) -> tuple[ImportedSource, ast.FunctionDef] | None:
    """The function of another file that a callee is, by `from pooling import f` or `import pooling`."""
    imports = frame.file.module.imports
    if isinstance(func, ast.Name):
        dotted = imports.get(func.id, "")
    elif isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name):
        dotted = f"{imports[func.value.id]}.{func.attr}" if func.value.id in imports else ""
    else:
        return None
    source, function = (frame.file.module.resolver.function(dotted) if "." in dotted else None) or (None, None)
    if source is None or function is None:
        return None
    lines = source.lines(function)
    return (source, function) if any(word in lines for word in _RELEVANT) else None


def inline_imported_function(
    node: ast.Call,
    source: ImportedSource,
    function: ast.FunctionDef,
    frame: Frame,
    arguments: tuple[AbstractValues, ...],
    keywords: dict[str, AbstractValues],
) -> AbstractValues:
    """What the function returns for the arguments of a call. What it does with them is told of the call.

    What its own names tell of it is told where it stands, when that file is checked, and not again here.
    """
    function = _relocated(function, node)
    without_arguments, _ = _events_of_run(function, source, frame, {})
    events, returned = _events_of_run(
        function, source, frame, bound_arguments(function, arguments, keywords, method=False)
    )
    own = {_identity(event) for event in without_arguments}
    for event in events:
        if _identity(event) not in own:
            frame.emit(event)
    return returned


def _events_of_run(
    function: ast.FunctionDef, source: ImportedSource, frame: Frame, given: dict[str, AbstractValues]
) -> tuple[list[Event], AbstractValues]:
    module = SourceModule(source.path, ast.Module([], []), resolver=frame.file.module.resolver)
    functions = {name: n for name, n in source.names.items() if isinstance(n, ast.FunctionDef)}
    inner = Frame(frame.evaluator, FileContext(module, functions), {}, function=frame.function, depth=frame.depth + 1)
    inner = replace(inner, without_mask=frame.without_mask, side_checked=frame.side_checked)
    returned = run_function(function, inner, given)
    return module.events, returned


def _relocated(function: ast.FunctionDef, to: ast.Call) -> ast.FunctionDef:
    """A copy that stands at the call, each node of which knows where it was."""
    # The tree is shared by all files that import the module.
    copied = copy.deepcopy(function)
    for node in ast.walk(copied):
        node.origin = getattr(node, "lineno", 0), getattr(node, "col_offset", 0)  # type: ignore[attr-defined]
        ast.copy_location(node, to)
    return copied


def _identity(event: Event) -> tuple[object, ...]:
    """What makes two events one: the place, and the kinds of what meets there."""
    parts = [event.target] if isinstance(event, Gather | Mean) else []
    parts += [event.index] if isinstance(event, Gather) else []
    # All nodes now stand at the call: only `origin` still tells them apart.
    return type(event), getattr(event.node, "origin", None), *(frozenset(map(type, part)) for part in parts)
