"""A function run with the values that it is given: the parameters are bound, then the body is followed."""

from __future__ import annotations

import ast

from archtrace_lint.dataflow.abstract_values import UNKNOWN, AbstractValues, Const
from archtrace_lint.dataflow.frame import Frame
from archtrace_lint.dataflow.name_inference import inferred_from_calls, inferred_from_parameters


def run_function(
    node: ast.FunctionDef | ast.AsyncFunctionDef, frame: Frame, given: dict[str, AbstractValues]
) -> AbstractValues:
    """Run a body with the arguments that are given, the others by their names and defaults."""
    spec = node.args
    # A walk over the whole function, so only where the text of one of its lines tells something.
    if any(node.lineno <= line <= (node.end_lineno or 0) for line in frame.file.inference_lines):
        frame.inferred = {**frame.inferred, **_inferred(node, frame)}
    plain = [*spec.posonlyargs, *spec.args]
    # `ast` lists defaults apart from parameters: they belong to the last of these.
    defaults = dict(zip([a.arg for a in plain[::-1]], spec.defaults[::-1], strict=False))
    defaults.update({a.arg: d for a, d in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if d})
    by_parameters = inferred_from_parameters([a.arg for a in (*plain, *spec.kwonlyargs)])
    for argument in [*plain, *spec.kwonlyargs]:
        meaning = frame.meaning_of(argument.arg) or by_parameters.get(argument.arg)
        values = given.get(argument.arg) or meaning or frame.evaluate(defaults.get(argument.arg))
        # None by default is given something by whoever is meant to use it.
        frame.names[argument.arg] = values - frozenset([Const(None)])
    for extra in (spec.vararg, spec.kwarg):
        if extra:
            # A tuple or a dict of whatever comes: its name says nothing of what is in it.
            frame.names[extra.arg] = UNKNOWN
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
    """Arguments by the names of the parameters."""
    return {**dict(zip(positional_parameters(function, method=method), arguments, strict=False)), **keywords}


def positional_parameters(function: ast.FunctionDef, *, method: bool) -> list[str]:
    """The names of the parameters that a call fills by place."""
    parameters = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
    static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in function.decorator_list)
    return parameters[1:] if method and not static else parameters
