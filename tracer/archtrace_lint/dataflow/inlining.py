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
from archtrace_lint.dataflow.imported_helpers import followed_at, imported
from archtrace_lint.dataflow.name_meanings import named
from archtrace_lint.source.import_resolver import LINES

#: Calls within calls that are followed.
DEPTH = 3
#: What is worth following into a helper.
TELLING = (Tokens, Count, FirstPad, HighestId, EosMask, EosRows, Extreme, TokenIds, Inflated, PadId, EosId)


def inlined(
    node: ast.Call, frame: Frame, arguments: tuple[AbstractValues, ...], keywords: dict[str, AbstractValues]
) -> AbstractValues | None:
    """What the helper returns for these arguments; None when this is no call of a helper that is worth following."""
    telling = any(isinstance(v, TELLING) for values in (*arguments, *keywords.values()) for v in values)
    if not (telling or frame.file.loads) or frame.depth >= DEPTH:
        return None
    function, owner = _callee(node.func, frame)
    if not telling and (function is None or not _loads(function, frame)):
        return None
    if function is None:
        return _elsewhere(node, frame, arguments, keywords)
    if _length(function) > LINES:
        return None
    _teach(node, function, frame, method=owner is not None)
    given = bound_arguments(function, arguments, keywords, method=owner is not None)
    key = (function, frame.owner if owner else None, tuple(given.items()), frame.without_mask, frame.side_asked)
    if key not in frame.file.answers:
        frame.file.answers[key] = UNKNOWN
        name = f"{owner.name}.{function.name}" if owner else function.name
        inner = replace(
            frame,
            names=_around(node, owner, frame),
            learnt={},
            local={},
            function=name,
            owner=owner,
            depth=frame.depth + 1,
            returned=UNKNOWN,
        )
        frame.file.answers[key] = run_function(function, inner, given)
    return frame.file.answers[key]


def _loads(function: ast.FunctionDef, frame: Frame) -> bool:
    """A function makes a model or a tokenizer: what it returns is worth knowing, whatever it is given."""
    known = frame.file.loaders
    if function not in known:
        calls = (n.func for n in ast.walk(function) if isinstance(n, ast.Call))
        known[function] = any(isinstance(f, ast.Attribute) and f.attr == "from_pretrained" for f in calls)
    return known[function]


def _elsewhere(
    node: ast.Call, frame: Frame, arguments: tuple[AbstractValues, ...], keywords: dict[str, AbstractValues]
) -> AbstractValues | None:
    """A function of another file of the tree."""
    found = imported(node.func, frame)
    if found is None:
        return None
    return followed_at(node, *found, frame, arguments, keywords)


def _around(node: ast.Call, owner: ast.ClassDef | None, frame: Frame) -> dict[str, AbstractValues]:
    """The names that a helper sees beside its own: those of the function that it stands in."""
    if owner is not None:
        return {"self": UNKNOWN}
    return dict(frame.names) if isinstance(node.func, ast.Name) and node.func.id in frame.local else {}


def _teach(node: ast.Call, function: ast.FunctionDef, frame: Frame, *, method: bool) -> None:
    """A name of which nothing is known is what the parameter's name says that takes it: `pool(h, attention_mask)`."""
    for name, argument in zip(positional_parameters(function, method=method), node.args, strict=False):
        if isinstance(argument, ast.Name) and not frame.look(argument.id):
            frame.names[argument.id] = named(name)


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
