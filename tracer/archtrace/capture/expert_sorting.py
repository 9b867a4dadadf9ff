"""Experts that get their tokens sorted: the same program without the sorting.

A router sorts rows by their expert, k = sort(keys), and each expert gets a slice of them, as long as it is often met:
    x[k].split(counts) -> f_0, f_1, ... -> cat -> y.index_add(0, k, ·)
How long the slices are is open, and where a row stands among the others depends on all of them. Yet what becomes of a
row does not: rows in ascending order of their keys, cut at how often each key is met, give to slice e exactly the rows
whose key is e; what is done to rows one by one does not see their order; a sum over rows at where they came from does
not see it either. So the program is, for all parameters, the one in which nothing is sorted, each f_e sees all rows,
and row i takes that of its key. That one is written in its place, where each of these steps is proven; one that is not
leaves the program as it is. As any other program it is replayed against the model.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import torch

from archtrace.capture.counts import counts_of
from archtrace.capture.nested import within
from archtrace.capture.program import Argument, Node, Operation, Program, Ref, Results
from archtrace.ops import ALIGNED, AXIS_SECOND, ROWS_FIRST

#: What is known of a node: its rows are sorted, it is a list of slices of such rows, or (0, 1, ..) the slice of a key.
_ROWS, _SLICES = -1, -2
#: What a node calls, and with what.
_Call: TypeAlias = tuple[Operation, tuple[Argument, ...]]


@dataclass(frozen=True)
class ByKey:
    """A node's target: row i of the tensor whose number is key i."""

    __name__ = "archtrace::by_key"

    def __call__(self, keys: torch.Tensor, tensors: Sequence[torch.Tensor]) -> torch.Tensor:
        result = torch.zeros_like(tensors[0])
        for number, tensor in enumerate(tensors):
            result = torch.where((keys == number).reshape(-1, *(1,) * (tensor.ndim - 1)), tensor, result)
        return result


def without_expert_sorting(program: Program) -> Program:
    """The program with nothing sorted by its expert, where that is the same program."""
    for node in program.nodes:
        if _ascending(node):
            program = _Unsorting(program, node).rewritten()
    return program


def _ascending(node: Node) -> bool:
    """True for a sort of whole numbers along their only axis, in ascending order."""
    if node.op != "aten::sort" or not node.results or node.selected or node.kwargs or len(node.args) > 2:
        return False
    shape, dtype = node.results[0]
    return len(shape) == 1 and shape[0] > 0 and not dtype.is_floating_point


class _Unsorting:
    """From a sort along all that takes its order."""

    def __init__(self, program: Program, sort: Node) -> None:
        assert sort.results is not None
        self._program, self._sort = program, sort
        self._keys = Ref(sort.refs[0])
        self._count = sort.results[0][0][0]
        self._labels: dict[int, int] = {}
        self._new: dict[int, Node] = {}
        self._merged = False

    def rewritten(self) -> Program:
        """The program without the sort; as it was where some step is not proven."""
        program, order = self._program, self._sort.index
        for node in program.nodes[order + 1 :]:
            if node.target is operator.getitem and node.args == (Ref(order), 1):
                self._put(node, _ROWS, (torch.ops.aten.arange.default, (self._count,)))
            elif self._labels.keys() & set(node.refs) and not (self._back(node) or self._kept(node)):
                return program
        if not self._merged or self._labels.keys() & {
            program.output,
            *program.returned.values(),
            *program.tensors.get("", ()),
        }:
            return program
        # Rows that stand in another order than in the model are no tensors of the model.
        tensors = {k: tuple(i for i in v if i not in self._labels) for k, v in program.tensors.items()}
        nodes = tuple(self._new.get(n.index, n) for n in program.nodes)
        return replace(program, nodes=nodes, tensors={k: v for k, v in tensors.items() if v})

    def _label(self, value: object) -> int | None:
        return self._labels.get(value.index) if isinstance(value, Ref) else None

    def _rank(self, value: object) -> int:
        results = self._results(value)
        return len(results[0][0]) if results else 0

    def _results(self, value: object) -> Results | None:
        return self._program.nodes[value.index].results if isinstance(value, Ref) else None

    def _put(self, node: Node, label: int, call: _Call | None = None) -> bool:
        """A node that takes another's place: each of its results has all rows."""
        results = tuple(((self._count, *shape[1:]), dtype) for shape, dtype in node.results or ())
        new = replace(node, results=results)
        if call is not None:
            new = replace(new, target=call[0], args=call[1], kwargs={}, many=False, results=results[:1])
        self._labels[node.index], self._new[node.index] = label, new
        return True

    def _back(self, node: Node) -> bool:
        """A sum over rows at where they came from: their order is gone."""
        if node.op != "aten::index_add" or len(node.args) != 4 or not set(node.kwargs) <= {"alpha"}:
            return False
        base, axis, index, source = node.operand(0), node.number(1), node.operand(2), node.operand(3)
        sorted_ = self._label(index) == self._label(source) == _ROWS and self._label(base) is None
        return sorted_ and axis in (0, -self._rank(base)) and self._rank(index) == 1

    def _kept(self, node: Node) -> bool:
        """An op under which each row goes on by itself, or the rows of each key together."""
        if node.target is operator.getitem:
            return self._item(node)
        if node.selected or not isinstance(node.target, torch._ops.OpOverload) or node.target._schema.is_mutable:
            return False
        if node.op == "aten::split_with_sizes":
            return self._split(node)
        if node.op == "aten::cat":
            return self._joined(node)
        return self._looked_up(node) if node.op == "aten::index" else self._by_row(node)

    def _looked_up(self, node: Node) -> bool:
        index = node.several(1)
        if len(index) != 1 or self._label(index[0]) != _ROWS or self._label(node.operand(0)) is not None:
            return False
        ((shape, dtype),) = self._results(index[0]) or (((), torch.bool),)
        # A mask selects: what it leaves are not all rows.
        return len(shape) == 1 and dtype not in (torch.bool, torch.uint8) and self._put(node, _ROWS)

    def _split(self, node: Node) -> bool:
        source, sizes = node.operand(0), node.several(1)
        if self._label(source) != _ROWS or node.args[2:] not in ((), (0,)) or node.kwargs:
            return False
        if not counts_of(self._keys, sizes, self._program):
            return False
        # Each slice becomes all of the rows: their keys say which of them are its own.
        return self._put(node, _SLICES, (torch.ops.aten.alias.default, (source,)))

    def _item(self, node: Node) -> bool:
        source, number = node.operand(0), node.number(1)
        label = self._label(source)
        if label != _SLICES:
            return label is not None and self._put(node, label)
        return number is not None and self._put(node, number, (torch.ops.aten.alias.default, (source,)))

    def _joined(self, node: Node) -> bool:
        """All slices, one behind another in their order: all of the rows."""
        parts, count = node.several(0), self._slices()
        if node.args[1:] not in ((), (0,)) or node.kwargs or [self._label(p) for p in parts] != list(range(count)):
            return False
        self._merged = True
        return self._put(node, _ROWS, (ByKey(), (self._keys, list(parts))))

    def _slices(self) -> int:
        """How many keys there are: as many as slices in each split."""
        split = next((n for n in self._labels if self._labels[n] == _SLICES), None)
        return len(self._program.nodes[split].results or ()) if split is not None else -1

    def _by_row(self, node: Node) -> bool:
        taken = list(within((node.args, node.kwargs), Ref))
        labels = {found for ref in taken if (found := self._label(ref)) is not None}
        if len(labels) != 1 or _SLICES in labels or not node.results:
            return False
        first, others = node.operand(0), taken[1:]
        rank = len(node.results[0][0])
        if node.op in ALIGNED:
            alike = all(self._along(ref, rank) for ref in taken)
        elif any(self._label(ref) is not None for ref in others) or self._label(first) is None:
            return False
        elif node.op in ROWS_FIRST:
            alike = self._rank(first) > 1 and rank == self._rank(first)
        else:
            alike = node.op in AXIS_SECOND and _beyond_rows(node, max(rank, self._rank(first)))
        return alike and self._put(node, labels.pop())

    def _along(self, ref: Ref, rank: int) -> bool:
        """True for an operand that has the rows along the first axis of the result, or does not have that axis."""
        # A 1 there may stand for a size that is not known, of rows in an order of their own.
        return self._rank(ref) < rank if self._label(ref) is None else self._rank(ref) == rank


def _beyond_rows(node: Node, rank: int) -> bool:
    """True where an op's axis is not that of the rows."""
    place = AXIS_SECOND[node.op]
    axis = node.number(place)
    return axis is not None and axis % rank != 0
