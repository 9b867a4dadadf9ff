"""Counts: whether the sizes of slices are how often each key occurs."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from archtrace.capture.program import Node, Program, Ref


def are_counts(keys: Ref, sizes: Sequence[object], program: Program) -> bool:
    """True where size e is how often e occurs among the keys, and there are no other keys."""
    items = [_table_item(size, program) for size in sizes]
    table = items[0][0] if items and items[0] else None
    if table is None or items != [(table, place) for place in range(len(sizes))]:
        return False
    return _is_count_table(program.nodes[table], keys, len(sizes), program)


def _table_item(size: object, program: Program) -> tuple[int, int] | None:
    """The table from which a number was taken as one of its list, and its place there."""
    item = _result_of(size, "aten::_local_scalar_dense", program)
    part = _result_of(item.operand(0), "getitem", program) if item else None
    whole = _result_of(part.operand(0), "aten::unbind", program) if part else None
    if part is None or whole is None:
        return None
    table, place = whole.operand(0), part.number(1)
    return None if table is None or place is None else (table.index, place)


def _result_of(value: object, op: str, program: Program) -> Node | None:
    """The node that a value comes from, where it is of this op."""
    node = program.nodes[value.index] if isinstance(value, Ref) else None
    return node if node is not None and node.op == op else None


def _is_count_table(table: Node, keys: Ref, number: int, program: Program) -> bool:
    """sum_i scatter(0, i, chosen[i], 1): how often each number is chosen, no row choosing one twice (topk)."""
    if table.op != "aten::sum" or table.args[1:] != ([0],) or table.kwargs or not table.results:
        return False
    ones = _result_of(table.operand(0), "aten::to", program)
    marks = _result_of((ones or table).operand(0), "aten::scatter", program)
    if marks is None or marks.kwargs or len(marks.args) != 4 or table.results[0][1] != torch.int64:
        return False
    empty, chosen = _result_of(marks.operand(0), "aten::zeros", program), marks.operand(2)
    plain = marks.number(1) == 1 == marks.number(3)
    shape = empty.results[0][0] if empty is not None and empty.results else ()
    counting = plain and len(shape) == 2 and shape[1] == number
    return counting and chosen is not None and _are_choices(keys, chosen, shape[0], program)


def _are_choices(keys: Ref, chosen: Ref, rows: int, program: Program) -> bool:
    """True where the keys are the choices of each row, row by row, and no row chooses twice."""
    flat, item = _result_of(keys, "aten::flatten", program), _result_of(chosen, "getitem", program)
    if flat is None or flat.args != (chosen,) or flat.kwargs or item is None or item.number(1) != 1:
        return False
    top = _result_of(item.operand(0), "aten::topk", program)
    shape = item.results[0][0] if item.results else ()
    return top is not None and len(shape) == 2 and shape[0] == rows and top.args[2:3] in ((1,), (-1,))
