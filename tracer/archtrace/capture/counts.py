"""Counts: whether the sizes of slices are how often each key is met."""

from __future__ import annotations

import operator
from collections.abc import Sequence

import torch

from archtrace.capture.program import Node, Program, Ref


def counts_of(keys: Ref, sizes: Sequence[object], program: Program) -> bool:
    """True where size e is for all e how often e is met in the keys, and all keys are met."""
    found = [_item(size, program) for size in sizes]
    table = found[0][0] if found and found[0] else None
    if table is None or found != [(table, place) for place in range(len(sizes))]:
        return False
    return _counted(program.nodes[table], keys, len(sizes), program)


def _item(size: object, program: Program) -> tuple[int, int] | None:
    """The table that a number was taken out of as a list, and where it stood."""
    item = _made(size, "aten::_local_scalar_dense", program)
    part = program.nodes[item.args[0].index] if item else None
    if part is None or part.target is not operator.getitem:
        return None
    whole = _made(part.args[0], "aten::unbind", program)
    return (whole.args[0].index, part.args[1]) if whole else None


def _made(value: object, op: str, program: Program) -> Node | None:
    node = program.nodes[value.index] if isinstance(value, Ref) else None
    return node if node is not None and node.op == op else None


def _counted(table: Node, keys: Ref, number: int, program: Program) -> bool:
    """sum_i scatter(0, i, chosen[i], 1): how often each number is chosen, no row choosing one twice (topk)."""
    if table.op != "aten::sum" or table.args[1:] != ([0],) or table.kwargs or not table.results:
        return False
    ones = _made(table.args[0], "aten::to", program)
    marks = _made(ones.args[0] if ones else table.args[0], "aten::scatter", program)
    if marks is None or marks.kwargs or len(marks.args) != 4 or table.results[0][1] != torch.int64:
        return False
    zeros, axis, chosen, one = marks.args
    empty = _made(zeros, "aten::zeros", program)
    plain = empty is not None and bool(empty.results) and axis == 1 and isinstance(one, int) and one == 1
    shape = empty.results[0][0] if empty is not None and empty.results else ()
    return plain and len(shape) == 2 and shape[1] == number and _flat(keys, chosen, shape[0], program)


def _flat(keys: Ref, chosen: Ref, rows: int, program: Program) -> bool:
    """True where the keys are what each row chooses, row by row, each choice another one."""
    flat = _made(keys, "aten::flatten", program)
    item = program.nodes[chosen.index]
    if (
        flat is None
        or flat.args != (chosen,)
        or flat.kwargs
        or item.target is not operator.getitem
        or item.args[1] != 1
    ):
        return False
    top = _made(item.args[0], "aten::topk", program)
    shape = item.results[0][0] if item.results else ()
    return top is not None and len(shape) == 2 and shape[0] == rows and top.args[2:3] in ((1,), (-1,))
