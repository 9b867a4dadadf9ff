"""A function run with given arguments: the parameters are bound, then the body is followed."""

from __future__ import annotations

import ast

from archtrace_lint.dataflow.abstract_values import UNKNOWN, AbstractValues, Const
from archtrace_lint.dataflow.frame import Frame
from archtrace_lint.dataflow.name_inference import inferred_from_calls, inferred_from_parameters


def run_function(
    node: ast.FunctionDef | ast.AsyncFunctionDef, frame: Frame, argument_values: dict[str, AbstractValues]
) -> AbstractValues:
    """Run a body with these arguments; the other parameters get what their names or defaults mean."""
    spec = node.args
    # A walk over the whole function, so only if one of its lines reveals something.
    if any(node.lineno <= line <= (node.end_lineno or 0) for line in frame.file.inference_lines):
        frame.inferred = {**frame.inferred, **_inferred(node, frame)}
    positional = [*spec.posonlyargs, *spec.args]
    # `ast` lists defaults apart from parameters: they belong to the last of these.
    defaults = dict(zip([a.arg for a in positional[::-1]], spec.defaults[::-1], strict=False))
    defaults.update({a.arg: d for a, d in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if d})
    by_parameters = inferred_from_parameters([a.arg for a in (*positional, *spec.kwonlyargs)])
    for argument in [*positional, *spec.kwonlyargs]:
        meaning = frame.meaning_of(argument.arg) or by_parameters.get(argument.arg)
        values = argument_values.get(argument.arg) or meaning or frame.evaluate(defaults.get(argument.arg))
        # A parameter that is None by default is normally passed.
        frame.names[argument.arg] = values - frozenset([Const(None)])
    for variadic in (spec.vararg, spec.kwarg):
        if variadic:
            # `*args` and `**kwargs`: the name says nothing about what is in them.
            frame.names[variadic.arg] = UNKNOWN
    frame.run(node.body)
    return frame.returned


def _inferred(node: ast.FunctionDef | ast.AsyncFunctionDef, frame: Frame) -> dict[str, AbstractValues]:
    """What the names of a function are by their uses; worked out once a function."""
    memo = frame.file.inferred
    if node not in memo:
        memo[node] = inferred_from_calls(node.body)
    return memo[node]


def bound_arguments(
    function: ast.FunctionDef,
    arguments: tuple[AbstractValues, ...],
    keywords: dict[str, AbstractValues],
    *,
    method: bool,
) -> dict[str, AbstractValues]:
    """The arguments by the names of the parameters that they fill."""
    return {**dict(zip(positional_parameters(function, method=method), arguments, strict=False)), **keywords}


def positional_parameters(function: ast.FunctionDef, *, method: bool) -> list[str]:
    """The names of the parameters that a call fills by place."""
    parameters = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
    static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in function.decorator_list)
    return parameters[1:] if method and not static else parameters
