"""The right index: what `--fix` writes for a count of tokens or a search for pads, and what becomes redundant.

`(torch.arange(n) * mask).argmax(-1)` is the position of the last token that is no pad, on whichever side pads stand. In
a row of pads alone it is 0. It lies in 0 … n - 1, so bounds and wraps of it change nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from archtrace_lint.dataflow.events import Gather, SourceModule
from archtrace_lint.dataflow.spellings import FOREIGN, meaning, word_set
from archtrace_lint.rule import Replacement
from archtrace_lint.rules.def_use import FunctionNodes, only_reads, scope_of
from archtrace_lint.rules.readouts import CASTS, without_casts
from archtrace_lint.source.syntax import last_word

#: Reduction -> the comparison of ids with the pad id that goes with it: a count of tokens, a search for a pad.
COMPARES = {"sum": ("ne", ast.NotEq), "argmax": ("eq", ast.Eq)}
#: Casts that may move a tensor to another device: the new index is moved as the old one was.
MOVES = word_set("to type_as cpu cuda")
_TYPE = re.compile(r"torch\.\w*(int\d*|long|float\d*|half|bool)|dtype=.*|(.*\.)?\w*dtype")


class Reduction(NamedTuple):
    """The `operation` that reduces a `tensor` over its tokens, whether that dim is kept, and what moves the result."""

    operation: str
    tensor: ast.expr
    keepdim: bool = False
    device_move: str = ""


def right_index(index: ast.expr, gather: Gather, module: SourceModule) -> Replacement | None:
    """The index of the last token that is no pad, if it is certain what `index` (a reduction - 1) is made of.

    None also if the number is used for more than reading: as a count it may be right.
    """
    # The new text uses `torch.`, so that name must be bound.
    if not (isinstance(index, ast.BinOp) and isinstance(index.op, ast.Sub)) or module.imports.get("torch") != "torch":
        return None
    # An array of numpy or JAX has no `.bool()`, and torch.arange is none of theirs.
    if any(isinstance(n, ast.Name) and n.id in FOREIGN for part in (index, gather.node) for n in ast.walk(part)):
        return None
    scope = scope_of(index, module.tree)
    reduction, definition = _reduction_in(index.left, scope), None
    if reduction is None:
        core, device_move = _without_casts_and_moves(index.left)
        definition = _sole_definition(core, scope)
        reduction = _reduction_in(definition.value, scope) if definition else None
        reduction = reduction and reduction._replace(device_move=reduction.device_move + device_move)
    tensor = _tensor(reduction, scope) if reduction else None
    if reduction is None or tensor is None or not only_reads(index, scope):
        return None
    return _replacement(index, reduction, tensor, scope, definition)


def _replacement(
    index: ast.expr, reduction: Reduction, tensor: tuple[str, str], scope: FunctionNodes, definition: ast.Assign | None
) -> Replacement:
    name, mask = tensor
    keepdim = ", keepdim=True" if reduction.keepdim else ""
    text = f"(torch.arange({name}.shape[-1], device={name}.device) * {mask}).argmax(-1{keepdim}){reduction.device_move}"
    outer = _with_bounds(index, name, scope)
    redundant = [
        *_redundant_statements(outer, name, scope),
        *([definition] if definition and _is_redundant(definition, index, scope) else []),
    ]
    return Replacement(text, outer, tuple(redundant))


def _sole_definition(node: ast.expr, scope: FunctionNodes) -> ast.Assign | None:
    """The only assignment to a name, if it always runs before this use; the names in it keep their values, as none
    is bound again further down. None otherwise."""
    if not isinstance(node, ast.Name) or len([*scope.assigned(node.id)]) != 1:
        return None
    assignments = [n for n in scope.nodes if isinstance(n, ast.Assign) and _target(n) == node.id]
    if len(assignments) != 1 or not any(
        n is node for after in _statements_after(assignments[0], scope) for n in ast.walk(after)
    ):
        return None
    read = {n.id for n in ast.walk(assignments[0].value) if isinstance(n, ast.Name)}
    # If a name is bound again further down, it may have another value where the new text goes.
    later = (n for n in scope.nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store) and n.id in read)
    return None if any(n.lineno >= assignments[0].lineno for n in later) else assignments[0]


def _target(node: ast.Assign) -> str:
    return node.targets[0].id if len(node.targets) == 1 and isinstance(node.targets[0], ast.Name) else ""


def _is_redundant(definition: ast.Assign, index: ast.expr, scope: FunctionNodes) -> bool:
    """Only the old index reads the name."""
    inside = set(map(id, ast.walk(index)))
    return all(id(load) in inside for load in scope.loads(_target(definition)))


def _with_bounds(index: ast.expr, name: str, scope: FunctionNodes) -> ast.expr:
    """The index with the bounds and wraps around it, which the right index does not need."""
    outer: ast.expr = index
    while isinstance(parent := scope.parents.get(id(outer)), ast.expr):
        call = scope.parents.get(id(parent)) if isinstance(parent, ast.Attribute) else parent
        if not isinstance(call, ast.expr) or _operand_of_bound(call, name) is not outer:
            break
        outer = call
    return outer


def _redundant_statements(outer: ast.expr, name: str, scope: FunctionNodes) -> Iterator[ast.stmt]:
    """The statements right after the index that only bound or wrap its name, up to the first that does more."""
    statement = scope.parents.get(id(outer))
    index_name = _target(statement) if isinstance(statement, ast.Assign) else ""
    if not index_name or not isinstance(statement, ast.Assign):
        return
    for after in _statements_after(statement, scope):
        value = _value_bound_to(after, index_name)
        if value is None:
            return
        bounded = _operand_of_bound(value, name)
        if isinstance(bounded, ast.Name) and bounded.id == index_name:
            yield after
        elif not (isinstance(core := without_casts(value), ast.Name) and core.id == index_name):
            return


def _value_bound_to(statement: ast.stmt, name: str) -> ast.expr | None:
    """The value of a statement that binds this name alone; None for any other statement."""
    if isinstance(statement, ast.Assign) and _target(statement) == name:
        return statement.value
    if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name) and statement.target.id == name:
        return ast.BinOp(ast.Name(name, ast.Load()), statement.op, statement.value)
    return None


def _statements_after(statement: ast.stmt, scope: FunctionNodes) -> list[ast.stmt]:
    """The statements that follow one in its block."""
    block = scope.parents.get(id(statement))
    bodies = (getattr(block, field, ()) for field in ("body", "orelse", "finalbody"))
    body = next((b for b in bodies if isinstance(b, list) and statement in b), [statement])
    return body[body.index(statement) + 1 :]


def _operand_of_bound(node: ast.expr, name: str) -> ast.expr | None:
    """The x of `x % name.shape[-1]`, `x.clamp(min=0)` or `torch.clamp(x, min=0)`; None for any other expression."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        # A wrap by another width, or by what is no width of the ids, may be meant.
        widths = (f"{name}.shape[-1]", f"{name}.shape[1]", f"{name}.size(-1)", f"{name}.size(1)")
        return node.left if ast.unparse(node.right) in widths else None
    return _operand_of_clamp(node, 0)


def _operand_of_clamp(node: ast.expr, least: int) -> ast.expr | None:
    """The x of `x.clamp(min=least)` and its other spellings; None for any other expression."""
    if not isinstance(node, ast.Call) or last_word(node.func) not in ("clamp", "clamp_min", "clip"):
        return None
    operand, *rest = operands(node) or [node]
    bounds = [ast.unparse(value) for value in (*rest, *(k.value for k in node.keywords if k.arg == "min"))]
    others = [k for k in node.keywords if k.arg != "min"]
    return operand if bounds == [str(least)] and not others else None


def operands(call: ast.Call) -> list[ast.expr]:
    """The arguments of `torch.f(x, y)` and of `x.f(y)`, x among them."""
    func = call.func
    if not isinstance(func, ast.Attribute):
        return []
    library = isinstance(func.value, ast.Name) and func.value.id == "torch"
    return list(call.args) if library else [func.value, *call.args]


def _reduction_in(node: ast.expr, scope: FunctionNodes) -> Reduction | None:
    """The reduction inside casts, a clamp to at least 1, and an added last dim; None if there is none."""
    if (clamped := _operand_of_clamp(node, 1)) is not None:
        return _reduction_in(clamped, scope)
    if isinstance(node, ast.Subscript) and ast.unparse(node.slice) in (":, None", "(:, None)"):
        reduction = _reduction_in(node.value, scope)
        return reduction and reduction._replace(keepdim=True)
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    method, arguments = node.func.attr, [ast.unparse(a) for a in node.args]
    if method == "unsqueeze" and arguments in (["-1"], ["1"]):
        reduction = _reduction_in(node.func.value, scope)
        return reduction and reduction._replace(keepdim=True)
    if method in CASTS | MOVES:
        reduction = _reduction_in(node.func.value, scope)
        return reduction and reduction._replace(device_move=reduction.device_move + _device_move(node, method))
    return _reduction_of_call(node, scope)


def _without_casts_and_moves(node: ast.expr) -> tuple[ast.expr, str]:
    """An expression without the casts around it, and the text of those that may move it to another device."""
    device_move = ""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CASTS | MOVES:
        device_move = _device_move(node, node.func.attr) + device_move
        node = node.func.value
    return node, device_move


def _device_move(cast: ast.Call, method: str) -> str:
    """The part of a cast that moves a tensor to another device, as text: a type cast alone is dropped."""
    texts = [*map(ast.unparse, cast.args), *(f"{k.arg}={ast.unparse(k.value)}" for k in cast.keywords)]
    if method == "type_as":
        return f".to({texts[0]}.device)" if texts else ""
    # The new index is a whole number already; only where it lies may still have to change.
    places = [text for text in texts if not _TYPE.fullmatch(text)]
    return f".{method}({', '.join(places)})" if method in MOVES and (places or method != "to") else ""


def _reduction_of_call(node: ast.Call, scope: FunctionNodes) -> Reduction | None:
    """`x.sum(-1)`, `torch.argmax(x, dim=1, keepdim=True)`, or `x[i].sum()`, i being the number of a row."""
    operation = last_word(node.func)
    keywords = {k.arg: ast.unparse(k.value) for k in node.keywords}
    tensor, *rest = operands(node) or [node]
    dims = [*map(ast.unparse, rest), *(keywords.pop(key) for key in ("dim", "axis") if key in keywords)]
    # `x.sum(-1, True)`: keepdim is the second argument.
    keepdim = keywords.pop("keepdim", dims.pop() if len(dims) == 2 else "False")
    # What is left of the keywords, `dtype` say, may change what comes out.
    if operation not in COMPARES or keywords or keepdim not in ("True", "False"):
        return None
    ids, _, device_move = _compared_tensor_and_pad(operation, tensor)
    is_over_tokens = dims in (["-1"], [] if _is_row(ids, scope) else ["1"])
    return Reduction(operation, tensor, keepdim == "True", device_move) if is_over_tokens else None


def _is_row(node: ast.expr, scope: FunctionNodes) -> bool:
    """`x[i]`, where i is a loop's row number; or a name that a loop binds to the rows of such an x."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Name):
        return _is_bound_by_loops(node.slice.id, scope, _is_row_number)
    return isinstance(node, ast.Name) and _is_bound_by_loops(node.id, scope, _is_row_of_tensor)


def _is_bound_by_loops(name: str, scope: FunctionNodes, binds: Callable[[ast.expr, ast.expr, str], bool]) -> bool:
    """A name is bound by loops of this kind, and by nothing else."""
    loops = [n for n in scope.nodes if isinstance(n, ast.For | ast.comprehension)]
    return len([n for n in loops if binds(n.target, n.iter, name)]) == len([*scope.assigned(name)]) > 0


def _is_row_number(target: ast.expr, over: ast.expr, name: str) -> bool:
    """`for name in range(…)`, `for name, … in enumerate(…)`."""
    callee = last_word(over.func) if isinstance(over, ast.Call) else ""
    if callee == "enumerate" and isinstance(target, ast.Tuple):
        target = target.elts[0]
    return callee in ("range", "enumerate") and isinstance(target, ast.Name) and target.id == name


def _is_row_of_tensor(target: ast.expr, over: ast.expr, name: str) -> bool:
    """`for name in mask`, `for …, name in zip(…, mask)`."""
    pairs = [(target, over)]
    if isinstance(over, ast.Call) and last_word(over.func) == "zip" and isinstance(target, ast.Tuple):
        pairs = [*zip(target.elts, over.args, strict=False)]
    return any(
        isinstance(element, ast.Name) and element.id == name and meaning(last_word(rows)) in ("attended", "ids")
        for element, rows in pairs
    )


def _tensor(reduction: Reduction, scope: FunctionNodes) -> tuple[str, str] | None:
    """The text of a tensor with one column per token, and of the mask over it; None where either is uncertain.

    For a count, a name may stand for the mask; a search must compare ids with the pad id.

    The mask is made bool: a position times a 1 of half precision is no whole number any more from 257 or 2,049 on.
    """
    tensor, pad, _ = _compared_tensor_and_pad(reduction.operation, reduction.tensor)
    if (
        not _is_repeatable(tensor)
        or not _has_token_shape(tensor, scope)
        or not (_is_repeatable(pad) if pad else reduction.operation == "sum")
    ):
        return None
    name = ast.unparse(tensor)
    return name, f"({name} != {ast.unparse(pad)})" if pad else f"{name}.bool()"


def _compared_tensor_and_pad(operation: str, node: ast.expr) -> tuple[ast.expr, ast.expr | None, str]:
    """The ids and the pad id of a comparison, however it is spelled, and its device move; no pad id without one."""
    node, device_move = _without_casts_and_moves(node)
    method, operator = COMPARES.get(operation, ("", ast.Eq))
    pair = [node]
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], operator):
        pair = [node.left, node.comparators[0]]
    elif isinstance(node, ast.Call) and last_word(node.func) == method and not node.keywords:
        pair = operands(node)
    if len(pair) != 2:
        return node, None, device_move
    tensor, before = _without_casts_and_moves(pair[0])
    return tensor, pair[1], before + device_move


def _is_repeatable(node: ast.expr) -> bool:
    """A name, a dotted name, or an item of one by a key or a name: evaluated twice, it gives the same value."""
    if isinstance(node, ast.Attribute):
        return _is_repeatable(node.value)
    if isinstance(node, ast.Subscript):
        return _is_repeatable(node.value) and (isinstance(node.slice, ast.Name) or _is_key(node.slice))
    return isinstance(node, ast.Name | ast.Constant)


def _is_key(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _has_token_shape(node: ast.expr, scope: FunctionNodes) -> bool:
    """Nothing in this function gives the tensor another shape than (batch, tokens): no view, slice or extra dim."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Name):
        return _is_row(node, scope) and _has_token_shape(node.value, scope)
    if _is_row(node, scope):
        return True
    return not isinstance(node, ast.Name) or all(map(_keeps_shape, scope.assigned(node.id)))


def _keeps_shape(value: ast.expr | None) -> bool:
    """A name, an attribute, an item by its key; a comparison of such; casts of it."""
    if isinstance(value, ast.Compare):
        return _keeps_shape(value.left)
    if isinstance(value, ast.Subscript):
        return _is_key(value.slice)
    if isinstance(value, ast.Call) and last_word(value.func) in ("ne", "eq", *CASTS):
        return all(map(_keeps_shape, operands(value)[:1]))
    return isinstance(value, ast.Name | ast.Attribute)
