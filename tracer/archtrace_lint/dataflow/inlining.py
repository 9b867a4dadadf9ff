"""Helpers of the same module, followed with the arguments of the call."""

from __future__ import annotations

import ast
from dataclasses import replace

from archtrace_lint.dataflow.abstract_values import (
    UNKNOWN,
    AbstractValues,
    Count,
    EosId,
    EosMask,
    EosRows,
    Extreme,
    FirstPad,
    HighestId,
    Inflated,
    PadId,
    TokenIds,
    Tokens,
)
from archtrace_lint.dataflow.frame import Frame
from archtrace_lint.dataflow.function_runs import bound_arguments, positional_parameters, run_function
from archtrace_lint.dataflow.imported_helpers import imported_function, inline_imported_function
from archtrace_lint.dataflow.name_meanings import name_meaning
from archtrace_lint.source.import_resolver import MAX_HELPER_LINES

#: Depth to which calls within helpers are followed.
MAX_DEPTH = 3
#: Values for which a helper is worth following.
INFORMATIVE = (Tokens, Count, FirstPad, HighestId, EosMask, EosRows, Extreme, TokenIds, Inflated, PadId, EosId)


def inline_helper(
    node: ast.Call, frame: Frame, arguments: tuple[AbstractValues, ...], keywords: dict[str, AbstractValues]
) -> AbstractValues | None:
    """The values that the helper returns for these arguments; None if this is no helper, or not worth following."""
    informative = any(isinstance(v, INFORMATIVE) for values in (*arguments, *keywords.values()) for v in values)
    if not (informative or frame.file.loads_checkpoints) or frame.depth >= MAX_DEPTH:
        return None
    function, owner = _callee(node.func, frame)
    if not informative and (function is None or not _loads_checkpoint(function, frame)):
        return None
    if function is None:
        return _inline_import(node, frame, arguments, keywords)
    # A long function is hardly a helper, and would be followed at each of its calls.
    if _length(function) > MAX_HELPER_LINES:
        return None
    _infer_arguments(node, function, frame, method=owner is not None)
    argument_values = bound_arguments(function, arguments, keywords, method=owner is not None)
    # Conditions around the call decide what its events say, so they are a part of the key.
    key = (
        function,
        frame.owner if owner else None,
        tuple(argument_values.items()),
        frame.without_mask,
        frame.side_checked,
    )
    if key not in frame.file.helper_results:
        # Set before the body is run, so that a recursive function ends.
        frame.file.helper_results[key] = UNKNOWN
        name = f"{owner.name}.{function.name}" if owner else function.name
        inner = replace(
            frame,
            names=_enclosing_names(node, owner, frame),
            inferred={},
            local={},
            function=name,
            owner=owner,
            depth=frame.depth + 1,
            returned=UNKNOWN,
        )
        frame.file.helper_results[key] = run_function(function, inner, argument_values)
    return frame.file.helper_results[key]


def _loads_checkpoint(function: ast.FunctionDef, frame: Frame) -> bool:
    """A function loads a model or a tokenizer, so it is worth following whatever its arguments are."""
    memo = frame.file.loads_by_function
    if function not in memo:
        calls = (n.func for n in ast.walk(function) if isinstance(n, ast.Call))
        memo[function] = any(isinstance(f, ast.Attribute) and f.attr == "from_pretrained" for f in calls)
    return memo[function]


def _inline_import(
    node: ast.Call, frame: Frame, arguments: tuple[AbstractValues, ...], keywords: dict[str, AbstractValues]
) -> AbstractValues | None:
    """A function of another file of the tree."""
    imported = imported_function(node.func, frame)
    if imported is None:
        return None
    return inline_imported_function(node, *imported, frame, arguments, keywords)


def _enclosing_names(node: ast.Call, owner: ast.ClassDef | None, frame: Frame) -> dict[str, AbstractValues]:
    """The names in scope of a helper besides its own: those of the function around it."""
    if owner is not None:
        return {"self": UNKNOWN}
    # A nested function sees the names around it; a function of the module sees none of its caller's.
    return dict(frame.names) if isinstance(node.func, ast.Name) and node.func.id in frame.local else {}


def _infer_arguments(node: ast.Call, function: ast.FunctionDef, frame: Frame, *, method: bool) -> None:
    """An unknown argument gets the meaning of the parameter's name: `m` in a call of `pool(h, attention_mask)`."""
    for name, argument in zip(positional_parameters(function, method=method), node.args, strict=False):
        if isinstance(argument, ast.Name) and not frame.lookup(argument.id):
            frame.names[argument.id] = name_meaning(name)


def _callee(func: ast.expr, frame: Frame) -> tuple[ast.FunctionDef | None, ast.ClassDef | None]:
    if isinstance(func, ast.Name):
        return frame.local.get(func.id) or frame.file.functions.get(func.id), None
    if isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name):
        if func.value.id in ("self", "cls"):
            return frame.method(func.attr), frame.owner
        owner = frame.file.classes.get(func.value.id)
        return (replace(frame, owner=owner).method(func.attr), owner) if owner else (None, None)
    return None, None


def _length(function: ast.FunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.body[0].lineno
