"""Functions of other files of the tree, followed as if they stood at the call: their findings are reported there."""

from __future__ import annotations

import ast
import copy
from dataclasses import replace

from archtrace_lint.dataflow.abstract_values import AbstractValues
from archtrace_lint.dataflow.events import Event, Gather, Mean, SourceModule
from archtrace_lint.dataflow.frame import FileContext, Frame
from archtrace_lint.dataflow.function_runs import bound_arguments, run_function
from archtrace_lint.source.import_resolver import ImportedSource

#: A function without any of these words can lead to no finding.
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
    """The values that the function returns for the arguments of a call; its events are reported at the call.

    Events that follow from its own names are reported when its own file is checked, and not again here.
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
    function: ast.FunctionDef, source: ImportedSource, frame: Frame, argument_values: dict[str, AbstractValues]
) -> tuple[list[Event], AbstractValues]:
    module = SourceModule(source.path, ast.Module([], []), resolver=frame.file.module.resolver)
    functions = {name: n for name, n in source.names.items() if isinstance(n, ast.FunctionDef)}
    inner = Frame(frame.evaluator, FileContext(module, functions), {}, function=frame.function, depth=frame.depth + 1)
    inner = replace(inner, without_mask=frame.without_mask, side_checked=frame.side_checked)
    returned = run_function(function, inner, argument_values)
    return module.events, returned


def _relocated(function: ast.FunctionDef, to: ast.Call) -> ast.FunctionDef:
    """A copy placed at the call, whose nodes remember their original place in `origin`."""
    # The tree is shared by all files that import the module.
    copied = copy.deepcopy(function)
    for node in ast.walk(copied):
        node.origin = getattr(node, "lineno", 0), getattr(node, "col_offset", 0)  # type: ignore[attr-defined]
        ast.copy_location(node, to)
    return copied


def _identity(event: Event) -> tuple[object, ...]:
    """A key that is equal for two events of the same place and the same kinds of values."""
    parts = [event.target] if isinstance(event, Gather | Mean) else []
    parts += [event.index] if isinstance(event, Gather) else []
    # All nodes now have the place of the call: only `origin` distinguishes them.
    return type(event), getattr(event.node, "origin", None), *(frozenset(map(type, part)) for part in parts)
