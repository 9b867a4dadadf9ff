"""Statements: names are bound in order, branches are joined, returned values are collected."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TypeAlias

from archtrace_lint.dataflow.abstract_values import UNKNOWN, AbstractValues, Many, Tokenizer, constant, only
from archtrace_lint.dataflow.calls import indices
from archtrace_lint.dataflow.conditions import assuming, checks_side, no_mask
from archtrace_lint.dataflow.events import AttributeStore, Class
from archtrace_lint.dataflow.expressions import assign, elements
from archtrace_lint.dataflow.frame import Frame, StatementHandler
from archtrace_lint.dataflow.function_runs import run_function
from archtrace_lint.dataflow.name_meanings import refined_by_name
from archtrace_lint.dataflow.spellings import LIBRARIES, STORED
from archtrace_lint.source.syntax import root_name

Names: TypeAlias = dict[str, AbstractValues]


def join_branches(left: Names, right: Names) -> Names:
    """The names of two branches, joined; a name that only one branch binds counts as bound."""
    if left == right:
        return left
    return {name: left.get(name, UNKNOWN) | right.get(name, UNKNOWN) for name in left.keys() | right.keys()}


def _expression(node: ast.Expr, frame: Frame) -> bool:
    # A constant by itself is a docstring.
    if not isinstance(node.value, ast.Constant):
        frame.evaluate(node.value)
    return False


def _assign(node: ast.Assign, frame: Frame) -> bool:
    values = frame.evaluate(node.value)
    for target in node.targets:
        store(target, index_through_call(node.value, target, frame) or values, frame, node)
    return False


def index_through_call(value: ast.expr, target: ast.expr, frame: Frame) -> AbstractValues:
    """`lengths = adjust(lengths, ...)`: an index that passes through an unknown call remains an index."""
    # adapters 1.3.0: `(sequence_lengths,) = adjust_tensors_for_parallel(outputs[0], sequence_lengths)`.
    if isinstance(target, ast.Tuple | ast.List) and len(target.elts) == 1:
        index = index_through_call(value, target.elts[0], frame)
        return frozenset((Many((index,)),)) if index else UNKNOWN
    if not isinstance(value, ast.Call) or not isinstance(target, ast.Name) or root_name(value.func) in LIBRARIES:
        return UNKNOWN
    # Library calls are evaluated by OPERATIONS: `torch.zeros_like(lengths)` is no index.
    is_argument = any(isinstance(a, ast.Name) and a.id == target.id for a in value.args)
    return indices(frame.names.get(target.id, UNKNOWN)) if is_argument else UNKNOWN


def _annotated(node: ast.AnnAssign, frame: Frame) -> bool:
    if node.value is not None:
        store(node.target, frame.evaluate(node.value), frame, node)
    return False


def store(target: ast.expr, values: AbstractValues, frame: Frame, node: ast.stmt) -> None:
    """Assign, and emit an event for an attribute that concerns a rule."""
    if isinstance(target, ast.Attribute):
        if target.attr in STORED:
            owner = ast.unparse(target.value)
            frame.emit(AttributeStore(node, frame.scope(), owner, target.attr, values, holder_of(target.value, frame)))
            _set_side(target, values, frame)
        if isinstance(target.value, ast.Name) and target.value.id == "self" and frame.owner:
            fields = frame.file.fields.setdefault(frame.owner.name, {})
            # Methods run in any order, so a field may be whatever any of them stores.
            fields[target.attr] = fields.get(target.attr, UNKNOWN) | refined_by_name(
                frame.meaning_of(target.attr), values
            )
            return
    assign(target, values, frame)


def holder_of(node: ast.expr, frame: Frame) -> AbstractValues:
    """The values of the object whose attribute, at any depth, is set: `model` for `model.config`."""
    while isinstance(node, ast.Attribute):
        if isinstance(node.value, ast.Name) and node.value.id == "self":
            return frame.self_attribute(node.attr)
        node = node.value
    return frame.lookup(node.id) if isinstance(node, ast.Name) else UNKNOWN


def _set_side(target: ast.Attribute, values: AbstractValues, frame: Frame) -> None:
    """`tokenizer.padding_side = "left"`, and `self.tokenizer` likewise."""
    side = constant(values)
    if target.attr != "padding_side" or not isinstance(side, str):
        return
    # Anything that has a `padding_side` is a tokenizer.
    tokenizers = only(holder_of(target.value, frame), Tokenizer) or [Tokenizer()]
    with_side = frozenset(replace(t, side=side) for t in tokenizers)
    if isinstance(target.value, ast.Name):
        frame.names[target.value.id] = with_side
    elif isinstance(target.value, ast.Attribute) and frame.owner and ast.unparse(target.value.value) == "self":
        frame.file.fields.setdefault(frame.owner.name, {})[target.value.attr] = with_side


def _augmented(node: ast.AugAssign, frame: Frame) -> bool:
    """`x += 1`; with `x[i] += 1` the item is written, and its old value is not read."""
    if isinstance(node.target, ast.Subscript):
        # PPO adds its score in this way, `rewards[rows, ends] += score`: this writes, and reads no state.
        for part in (node.value, node.target.value, node.target.slice):
            frame.evaluate(part)
        return False
    value = ast.copy_location(ast.BinOp(_as_load(node.target), node.op, node.value), node)
    assign(node.target, frame.evaluate(value), frame)
    return False


def _as_load(target: ast.expr) -> ast.expr:
    return ast.copy_location(ast.Name(target.id, ast.Load()), target) if isinstance(target, ast.Name) else target


def _if(node: ast.If, frame: Frame) -> bool:
    start = dict(frame.names)
    with assuming(node.test, frame, holds=True):
        then_ended = frame.run(node.body)
    then, frame.names = frame.names, start
    with assuming(node.test, frame, holds=False):
        else_ended = frame.run(node.orelse)
    # `if mask is None: return …`: below it there is a mask; and there is none below the branch that returns with one.
    if else_ended:
        frame.names = then
        frame.without_mask |= no_mask(node.test, frame, holds=True)
    elif then_ended:
        frame.without_mask |= no_mask(node.test, frame, holds=False)
    else:
        frame.names = join_branches(then, frame.names)
    return then_ended and else_ended


def _for(node: ast.For | ast.AsyncFor, frame: Frame) -> bool:
    start = dict(frame.names)
    assign(node.target, elements(frame.evaluate(node.iter)), frame)
    frame.run(node.body)
    # The body may not run at all. It is followed once: an index made for the next iteration is missed.
    frame.names = join_branches(start, frame.names)
    frame.run(node.orelse)
    return False


def _while(node: ast.While, frame: Frame) -> bool:
    start = dict(frame.names)
    frame.evaluate(node.test)
    frame.run(node.body)
    frame.names = join_branches(start, frame.names)
    return False


def _with(node: ast.With | ast.AsyncWith, frame: Frame) -> bool:
    for item in node.items:
        values = frame.evaluate(item.context_expr)
        if item.optional_vars is not None:
            assign(item.optional_vars, values, frame)
    return frame.run(node.body)


def _try(node: ast.Try, frame: Frame) -> bool:
    start = dict(frame.names)
    ended = frame.run([*node.body, *node.orelse])
    for handler in node.handlers:
        # The first statement may already raise, so a handler can rely only on the names from before the `try`.
        after, frame.names = frame.names, dict(start)
        if not frame.run(handler.body):
            after, ended = join_branches(after, frame.names), False
        frame.names = after
    return frame.run(node.finalbody) or ended


def _match(node: ast.Match, frame: Frame) -> bool:
    frame.evaluate(node.subject)
    start, after = dict(frame.names), dict(frame.names)
    for case in node.cases:
        frame.names = dict(start)
        if not frame.run(case.body):
            after = join_branches(after, frame.names)
    frame.names = after
    return False


def _return(node: ast.Return, frame: Frame) -> bool:
    frame.returned |= frame.evaluate(node.value)
    return True


def _raise(node: ast.Raise, frame: Frame) -> bool:
    frame.evaluate(node.exc)
    return True


def _assert(node: ast.Assert, frame: Frame) -> bool:
    frame.side_checked = frame.side_checked or checks_side(node.test, frame)
    return False


def _jump(node: ast.stmt, frame: Frame) -> bool:
    return True


def _nothing(node: ast.stmt, frame: Frame) -> bool:
    return False


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef, frame: Frame) -> bool:
    name = f"{frame.function}.{node.name}" if frame.function else node.name
    if frame.function and isinstance(node, ast.FunctionDef):
        # A nested function, which may be called by its name further down.
        frame.local[node.name] = node
    inner = replace(frame, names=dict(frame.names), local=dict(frame.local), function=name, returned=UNKNOWN)
    run_function(node, inner, {})
    return False


def _class(node: ast.ClassDef, frame: Frame) -> bool:
    frame.emit(Class(node, frame.scope()))
    fields: Names = {}
    for base in node.bases:
        if isinstance(base, ast.Name):
            # The fields that a base class in this file sets are inherited.
            fields.update(frame.file.fields.get(base.id, {}))
    frame.file.fields[node.name] = fields
    inner = replace(frame, names=dict(frame.names), function=node.name, owner=node)
    # `__init__` sets the fields that the other methods read, so it comes first.
    setup = [s for s in node.body if not isinstance(s, ast.FunctionDef) or s.name == "__init__"]
    inner.run(setup)
    fields.update({k: v for k, v in inner.names.items() if k not in frame.names and v})
    inner.names = dict(frame.names)
    inner.run([s for s in node.body if isinstance(s, ast.FunctionDef) and s.name != "__init__"])
    return False


def is_definition(node: ast.stmt) -> bool:
    """A function or a class, which is followed after the other statements of its module."""
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)


RUNNERS: dict[type[ast.stmt], StatementHandler] = {
    ast.Expr: _expression,
    ast.Assign: _assign,
    ast.AnnAssign: _annotated,
    ast.AugAssign: _augmented,
    ast.If: _if,
    ast.For: _for,
    ast.AsyncFor: _for,
    ast.While: _while,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.Try: _try,
    ast.TryStar: _try,
    ast.Match: _match,
    ast.Return: _return,
    ast.Raise: _raise,
    ast.Assert: _assert,
    ast.Continue: _jump,
    ast.Break: _jump,
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.ClassDef: _class,
    ast.Import: _nothing,
    ast.ImportFrom: _nothing,
}
