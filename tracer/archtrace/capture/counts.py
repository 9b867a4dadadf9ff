"""Counts: whether the sizes of slices are how often each key is met."""

from __future__ import annotations

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
    part = _made(item.operand(0), "getitem", program) if item else None
    whole = _made(part.operand(0), "aten::unbind", program) if part else None
    if part is None or whole is None:
        return None
    table, place = whole.operand(0), part.number(1)
    return None if table is None or place is None else (table.index, place)


def _made(value: object, op: str, program: Program) -> Node | None:
    node = program.nodes[value.index] if isinstance(value, Ref) else None
    return node if node is not None and node.op == op else None


def _counted(table: Node, keys: Ref, number: int, program: Program) -> bool:
    """sum_i scatter(0, i, chosen[i], 1): how often each number is chosen, no row choosing one twice (topk)."""
    if table.op != "aten::sum" or table.args[1:] != ([0],) or table.kwargs or not table.results:
        return False
    ones = _made(table.operand(0), "aten::to", program)
    marks = _made((ones or table).operand(0), "aten::scatter", program)
    if marks is None or marks.kwargs or len(marks.args) != 4 or table.results[0][1] != torch.int64:
        return False
    empty, chosen = _made(marks.operand(0), "aten::zeros", program), marks.operand(2)
    plain = marks.number(1) == 1 == marks.number(3)
    shape = empty.results[0][0] if empty is not None and empty.results else ()
    counting = plain and len(shape) == 2 and shape[1] == number
    return counting and chosen is not None and _flat(keys, chosen, shape[0], program)


def _flat(keys: Ref, chosen: Ref, rows: int, program: Program) -> bool:
    """True where the keys are what each row chooses, row by row, each choice another one."""
    flat, item = _made(keys, "aten::flatten", program), _made(chosen, "getitem", program)
    if flat is None or flat.args != (chosen,) or flat.kwargs or item is None or item.number(1) != 1:
        return False
    top = _made(item.operand(0), "aten::topk", program)
    shape = item.results[0][0] if item.results else ()
    return top is not None and len(shape) == 2 and shape[0] == rows and top.args[2:3] in ((1,), (-1,))
