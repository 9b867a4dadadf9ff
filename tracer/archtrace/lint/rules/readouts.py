"""What the rules on indices share: an index in the making that is read with, and the index that is right."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeVar

from archtrace.lint import events
from archtrace.lint.events import Gather, Module
from archtrace.lint.facts import FOREIGN
from archtrace.lint.models import last_word
from archtrace.lint.rules.uses import Scope, only_reads, scope_of
from archtrace.lint.values import Count, FirstPad, Hidden, HighestId, has, only
from archtrace.lint.words import words

Index = TypeVar("Index", Count, FirstPad, HighestId)

#: Methods and functions that change no more than the type or the place of a mask.
CASTS = words("to int long float bool type type_as astype")


def read_with(module: Module, kind: type[Index]) -> Iterator[tuple[ast.expr, events.Scope, Gather]]:
    """Where an index of this kind, once made, reads hidden states or logits: the guard of every index rule."""
    for gather in module.each(Gather):
        if has(gather.target, Hidden):
            made = {i.made for i in only(gather.index, kind) if i.made is not None and _of_tokens(i, gather)}
            for expression in sorted(made, key=lambda e: (e.lineno, e.col_offset)):
                yield expression, gather.scope, gather


def _of_tokens(index: Index, gather: Gather) -> bool:
    """A count of pads is no index of anything; what `mask` alone says counts where a text is about."""
    if isinstance(index, Count) and not index.attended:
        return False
    weak = isinstance(index, Count | FirstPad) and index.weak
    return not weak or gather.scope.text or any(h.what in ("hidden", "logits") for h in only(gather.target, Hidden))


def short(node: ast.AST, width: int = 25) -> str:
    """An expression in a message, which keeps to one line: its beginning and its end; the full format shows it all."""
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= width else f"{text[: width - 7]}…{text[-6:]}"


def right_index(made: ast.expr, gather: Gather, module: Module) -> str | None:
    """The index of the last token that is no pad, when it is certain what `made` (a reduction - 1) was made of.

    None too where the number is used for more than reading: as a count it may be right.
    """
    if not (isinstance(made, ast.BinOp) and isinstance(made.op, ast.Sub)) or module.imports.get("torch") != "torch":
        return None
    if any(isinstance(n, ast.Name) and n.id in FOREIGN for part in (made, gather.node) for n in ast.walk(part)):
        return None
    reduction = _reduction(bare(made.left))
    if reduction is None:
        return None
    scope = scope_of(made, module.tree)
    return _rightmost(*reduction, scope) if only_reads(made, scope) else None


def bare(node: ast.expr) -> ast.expr:
    """An expression without the casts around it."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CASTS:
        node = node.func.value
    return node


def _operands(call: ast.Call) -> list[ast.expr]:
    """The arguments of `torch.f(x, y)` and of `x.f(y)`, x among them."""
    func = call.func
    if not isinstance(func, ast.Attribute):
        return []
    library = isinstance(func.value, ast.Name) and func.value.id == "torch"
    return list(call.args) if library else [func.value, *call.args]


def _reduction(node: ast.expr) -> tuple[str, ast.expr, bool] | None:
    """How and what is reduced over the last dim in `x.sum(-1)` or `torch.argmax(x, dim=1)`; whether the dim is kept."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    keywords = {k.arg: ast.unparse(k.value) for k in node.keywords}
    operand, *dims = _operands(node) or [node]
    spelled = [*map(ast.unparse, dims), *(keywords[k] for k in ("dim", "axis") if k in keywords)]
    certain = spelled in (["-1"], ["1"]) and keywords.keys() <= {"dim", "axis", "keepdim"}
    if node.func.attr not in _COMPARES or not certain:
        return None
    return node.func.attr, operand, keywords.get("keepdim") == "True"


#: Reduction -> the comparison of ids with the pad id that goes with it: a count of tokens, a search for a pad.
_COMPARES = {"sum": ("ne", ast.NotEq), "argmax": ("eq", ast.Eq)}


def _rightmost(how: str, reduced: ast.expr, keep: bool, scope: Scope) -> str | None:
    """`(torch.arange(n) * mask).argmax(-1)`. A name may be the mask of a count; a search for pads must be spelled.

    The mask is made bool: a position times a 1 of half precision is no whole number any more from 257 or 2,049 on.
    """
    reduced = bare(reduced)
    ids, pad = _compared(how, reduced) or (reduced, None)
    ids = bare(ids)
    if not _steady(ids) or not _plain(ids, scope) or not (_steady(pad) if pad else how == "sum"):
        return None
    name = ast.unparse(ids)
    mask = f"({name} != {ast.unparse(pad)})" if pad else f"{name}.bool()"
    kept = ", keepdim=True" if keep else ""
    return f"(torch.arange({name}.shape[-1], device={name}.device) * {mask}).argmax(-1{kept})"


def _compared(how: str, node: ast.expr) -> tuple[ast.expr, ast.expr] | None:
    """ids and pad, in whichever way they are compared."""
    method, operator = _COMPARES[how]
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], operator):
        return node.left, node.comparators[0]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == method:
        operands = _operands(node)
        return (operands[0], operands[1]) if len(operands) == 2 and not node.keywords else None
    return None


def _steady(node: ast.expr) -> bool:
    """A name or a dotted name: written twice, it is the same thing twice. A constant is too."""
    if isinstance(node, ast.Attribute):
        return _steady(node.value)
    return isinstance(node, ast.Name | ast.Constant)


def _plain(node: ast.expr, scope: Scope) -> bool:
    """Nothing in sight gives the name another shape than (batch, tokens): no view, no slice, no dim more."""
    return not isinstance(node, ast.Name) or all(map(_kept, scope.bound(node.id)))


def _kept(value: ast.expr | None) -> bool:
    """A name, an attribute, an item by its key; a comparison of such; casts of it."""
    if isinstance(value, ast.Compare):
        return _kept(value.left)
    if isinstance(value, ast.Subscript):
        return isinstance(value.slice, ast.Constant) and isinstance(value.slice.value, str)
    if isinstance(value, ast.Call) and last_word(value.func) in ("ne", "eq", *CASTS):
        return all(map(_kept, _operands(value)[:1]))
    return isinstance(value, ast.Name | ast.Attribute)
