"""Recurrent nets of a class: their constructor calls, the calls of them, and what reads their last step."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from archtrace_lint.dataflow.subscripts import fixed_index, literal
from archtrace_lint.rules.def_use import FunctionNodes, definitions
from archtrace_lint.source.syntax import last_word

#: torch.nn's own. Where their result is a tuple, the first item is all steps, the second the last state of each layer.
NETS = frozenset(("LSTM", "GRU", "RNN"))

#: Calls that keep the order of the steps.
_STEPWISE = frozenset(
    ("dropout", "drop", "relu", "tanh", "gelu", "contiguous", "float", "to", "norm", "layer_norm", "fc")
)


@dataclass(frozen=True)
class Net:
    """A recurrent net by its attribute, its class in torch, and whether its rows come first."""

    name: str
    class_name: str
    batch_first: bool


def nets(owner: ast.ClassDef, imports: dict[str, str]) -> dict[str, Net]:
    """`self.name = nn.LSTM(...)`, by name."""
    assigned_calls = [
        (a.targets[0], c)
        for a in ast.walk(owner)
        if isinstance(a, ast.Assign)
        for c in _torch_constructor_calls(a.value, imports)
    ]
    attribute_calls = [
        (t.attr, c) for t, c in assigned_calls if isinstance(t, ast.Attribute) and last_word(t.value) == "self"
    ]
    return {name: Net(name, last_word(call.func), _batch_first(call)) for name, call in attribute_calls}


def _torch_constructor_calls(value: ast.expr, imports: dict[str, str]) -> Iterator[ast.Call]:
    """Calls of torch's classes."""
    for node in ast.walk(value):
        if isinstance(node, ast.Call) and last_word(node.func) in NETS:
            root = node.func
            while isinstance(root, ast.Attribute):
                root = root.value
            if isinstance(root, ast.Name) and imports.get(root.id, root.id).split(".")[0] in ("torch", "nn"):
                yield node


def _batch_first(call: ast.Call) -> bool:
    """What the keyword says; of an argument that is no literal, that rows come first."""
    keyword = next((k.value for k in call.keywords if k.arg == "batch_first"), None)
    # The fifth argument of torch's recurrent nets is batch_first (input, hidden, layers, bias, batch_first).
    may_be_passed = any(k.arg is None for k in call.keywords) or len(call.args) > 4
    return may_be_passed if keyword is None else not (isinstance(keyword, ast.Constant) and keyword.value is False)


def net_calls(scope: FunctionNodes, net: Net) -> Iterator[ast.Call]:
    """`self.name(x)`."""
    for node in scope.nodes:
        if isinstance(node, ast.Call) and node.args and ast.unparse(node.func) == f"self.{net.name}":
            yield node


def last_step_reads(scope: FunctionNodes, call: ast.Call, axis: int) -> Iterator[ast.Subscript]:
    """`out[:, -1]`, or `out[-1]` with the steps on axis 0, of all the steps that a call gives."""
    for node in scope.nodes:
        if isinstance(node, ast.Subscript) and _is_last_step(node, axis) and _is_part(node.value, call, 0, scope):
            yield node


def _is_last_step(node: ast.Subscript, axis: int) -> bool:
    parts = _parts(node)
    return (fixed_index(parts) if axis else literal(parts[0])) == -1


def _parts(node: ast.Subscript) -> list[ast.expr]:
    return node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]


def state_reads(scope: FunctionNodes, call: ast.Call, net: Net) -> Iterator[ast.expr]:
    """Where the last state of each layer is read: an item of it, or itself in another call than the net's own."""
    for node in scope.nodes:
        if isinstance(node, ast.Name | ast.Subscript) and _is_state(node, call, net, scope):
            parent = scope.parents.get(id(node))
            if isinstance(parent, ast.Subscript) and parent.value is node and literal(_parts(parent)[0]) is not None:
                yield parent
            elif _uses_state(parent, node, net):
                yield node


def _uses_state(parent: ast.AST | None, node: ast.AST, net: Net) -> bool:
    """A method that changes its shape, or another call."""
    if isinstance(parent, ast.Attribute):
        return parent.attr in ("squeeze", "view", "permute", "transpose", "mean")
    return isinstance(parent, ast.Call) and node in parent.args and last_word(parent.func) != net.name


def _is_state(node: ast.expr, call: ast.Call, net: Net, scope: FunctionNodes) -> bool:
    """`h` of `_, (h, c) = lstm(x)` and of `_, h = gru(x)`; `state[0]` of an LSTM's pair."""
    # An LSTM gives (steps, (state, cell)), the others (steps, state).
    if net.class_name != "LSTM":
        return _is_part(node, call, 1, scope)
    if isinstance(node, ast.Subscript):
        return literal(node.slice) == 0 and _is_part(node.value, call, 1, scope)
    return any(
        isinstance(n, ast.Assign) and n.value is call and _name_at(_item(_item(n.targets[0], 1), 0)) == node.id
        for n in scope.nodes
        if isinstance(node, ast.Name)
    )


def _is_part(node: ast.expr, call: ast.Call, item: int, scope: FunctionNodes, depth: int = 0) -> bool:
    """An item of the tuple that the call returns, also through names and through calls that keep the order of steps."""
    if isinstance(node, ast.Subscript):
        return node.value is call and literal(node.slice) == item
    if isinstance(node, ast.Call) and depth < 9:
        receiver = node.func.value if isinstance(node.func, ast.Attribute) and not node.args else None
        operand = receiver or (node.args[0] if node.args else None)
        return (
            operand is not None
            and last_word(node.func) in _STEPWISE
            and _is_part(operand, call, item, scope, depth + 1)
        )
    # Names may be bound to each other in a circle, so the depth is limited.
    if not isinstance(node, ast.Name) or depth > 8:
        return False
    return any(_name_at(_item(t, item)) == node.id for t in _targets(call, scope)) or any(
        isinstance(value, ast.Call | ast.Subscript) and _is_part(value, call, item, scope, depth + 1)
        for value in definitions(node.id, scope)
        if value is not call
    )


def _targets(call: ast.Call, scope: FunctionNodes) -> Iterator[ast.expr]:
    """What the call's result is bound to."""
    yield from (n.targets[0] for n in scope.nodes if isinstance(n, ast.Assign) and n.value is call)


def _item(target: ast.expr | None, number: int) -> ast.expr | None:
    return target.elts[number] if isinstance(target, ast.Tuple) and len(target.elts) > number else None


def _name_at(target: ast.expr | None) -> str | None:
    return target.id if isinstance(target, ast.Name) else None
