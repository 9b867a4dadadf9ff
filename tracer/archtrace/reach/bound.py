"""Bounds: what may reach the logits in one layout, by the analysis."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from archtrace.answer.positions import Positions, Rows
from archtrace.capture.program import Node, NodeKind, Program
from archtrace.reach.interpreter import Interpretation, Interpreter
from archtrace.reach.marks import Marks, NodeMarks, single_marks
from archtrace.reach.values import Unknown, Value, dtype_of, is_open


@dataclass(frozen=True, eq=False)
class Bound:
    """A program's values and the demand on every node, in one layout."""

    run: Interpretation
    demand: tuple[NodeMarks, ...]

    @property
    def program(self) -> Program:
        """The program that ran."""
        return self.run.program

    @cached_property
    def carrying(self) -> frozenset[int]:
        """The nodes that tokens reach and that reach the logits."""
        reached: set[int] = set()
        for node in self.program.nodes:
            carries = node.kind is NodeKind.INPUT or any(ref in reached for ref in node.refs)
            if carries and self.demand[node.index] is not None:
                reached.add(node.index)
        return frozenset(reached)

    def known(self, index: int) -> torch.Tensor | None:
        """What a node is in this layout, where layout and tokens alone decide it; None where parameters do."""
        value = self.run.values[index]
        plain = value.real if isinstance(value, Unknown) else value
        return plain if isinstance(plain, torch.Tensor) else None

    def unknown(self, index: int) -> bool:
        """True for a tensor that parameters, or features, have a part in."""
        value = self.run.values[index]
        return isinstance(value, Unknown) and value.real is None

    @cached_property
    def texts(self) -> frozenset[tuple[int, int]]:
        """Rows and length of the texts that are looked up: those of the ids, or of chunks and windows of them."""
        ids = (value for value in self.run.values if isinstance(value, Unknown) and value.ids)
        return frozenset((math.prod(value.shape[:-1]), value.shape[-1]) for value in ids if len(value.shape) > 1)

    def rows(self, index: int, axis: int = 1) -> Rows:
        """For each row of a node's value the sorted positions that may reach the logits."""
        return rows_of(self.marks(index), self.run.shape(index), axis)

    def marks(self, index: int) -> Marks | None:
        """The rows of the logits that each element of a node may reach, of a node with one result; None for none."""
        return single_marks(self.demand[index])

    def tokens(self, ids: int) -> Rows:
        """For each row of the tokens the sorted positions that may reach the logits."""
        return self.token_rows(self.marks(ids), ids)

    def token_rows(self, marks: Marks | None, ids: int) -> Rows:
        """The marked positions of the tokens; of documents of texts each text is a row, in order."""
        shape = self.run.shape(ids)
        if len(shape) < 3 or self.unknown(ids):
            return rows_of(marks, shape)  # rows and positions, and of features given in place of ids their width
        folded = (math.prod(shape[:-1]), shape[-1])
        if marks is None:
            return rows_of(None, folded)
        return rows_of(np.broadcast_to(marks, (*shape, marks.shape[-1])).reshape(*folded, -1), folded)

    def constant(self, index: int, axis: int = 1) -> Rows:
        """For each row of a node's value the positions all of whose elements are certain: they cannot change."""
        value, shape = self.run.values[index], self.run.shape(index)
        if not isinstance(value, Unknown):
            return ((),) * shape[batch_axis(axis)]
        changing = rows_of(is_open(value.certain)[..., None], shape, axis)
        return tuple(tuple(p for p in range(shape[axis]) if p not in row) for row in changing)

    def mixes_rows(self) -> bool:
        """True when the logits of one row may depend on the tokens of another."""
        inputs = ((self.marks(i), self.run.shape(i)) for i in self.program.inputs.values())
        return any(_crosses(marks, shape) for marks, shape in inputs if marks is not None)

    def reached(self, index: int) -> bool:
        """True when any element of a node may reach the logits."""
        marks = self.demand[index]
        parts = marks if isinstance(marks, list) else [marks]
        return any(part is not None and part.any() for part in parts)


def compute_bound(
    interpreter: Interpreter, program: Program, layout: Mapping[str, torch.Tensor], ids: Collection[str]
) -> Bound:
    """Both passes; `ids` names the inputs that hold tokens. Raises LayoutError where an op refuses the layout."""
    run = interpreter.values(program, layout, ids)
    return Bound(run, tuple(interpreter.demand(run)))


def bound_of_all_outputs(interpreter: Interpreter, bound: Bound) -> Bound:
    """The bound of all that the forward returns, under one label."""
    program, run = bound.program, bound.run
    outputs = {program.output, *(index for index in program.returned.values() if bound.unknown(index))}
    wanted = {index: np.ones((1,) * (len(run.shape(index)) + 1), dtype=bool) for index in outputs}
    return Bound(run, tuple(interpreter.demand(run, wanted, whole=True)))


def rows_of(marks: Marks | None, shape: tuple[int, ...], axis: int = 1) -> Rows:
    """The marked positions along `axis` for each index of the batch axis."""
    # Rows and positions are two of the axes; along all others, features and heads, any mark counts.
    batch = batch_axis(axis)
    count, length = shape[batch], shape[axis]
    if marks is None:
        return ((),) * count
    table = marks.any(axis=tuple(a for a in range(marks.ndim) if a not in (batch, axis)))
    table = np.broadcast_to(table if batch < axis else table.T, (count, length))
    return tuple(tuple(int(p) for p in np.flatnonzero(row)) for row in table)


def _of(marks: Marks | None, rows: slice) -> Marks | None:
    """The labels of some rows of the output; one label alone stands for all."""
    return marks if marks is None or marks.shape[-1] == 1 else marks[..., rows]


def _crosses(marks: Marks, shape: tuple[int, ...]) -> bool:
    rows = marks.any(axis=tuple(range(1, marks.ndim - 1)))
    rows = np.broadcast_to(rows, (shape[0], marks.shape[-1]))
    return bool(rows[~np.eye(*rows.shape, dtype=np.bool_)].any())


def batch_axis(axis: int) -> int:
    """The axis of rows beside one of positions: the first, but where positions come first."""
    return 1 if axis == 0 else 0


def token_axis(shape: tuple[int, ...], rows: int, length: int) -> int | None:
    """The axis of positions in a hidden state: the one as long as the tokens, else (latents) the one after the rows.

    0 where the rows come second; None where there is none. Choices, sentences or chunks may be folded into the rows:
    there are several times as many then, of as many tokens each or, cut into pieces, of as many together.
    """
    if len(shape) < 2:
        return None
    long = next((axis for axis in range(1, len(shape)) if shape[axis] == length), None)
    if shape[0] == rows:
        return long or 1
    if shape[1] == rows and shape[0] == length:
        return 0
    if len(shape) < 3 or not rows or shape[0] % rows:
        return None
    return long or (1 if shape[0] * shape[1] == rows * length else None)


def positions(
    interpreter: Interpreter,
    bound: Bound,
    reads: Mapping[str, tuple[int, int]],
    ids: int,
    layout: Mapping[str, torch.Tensor],
) -> Positions:
    """The bound on the read tensors (node and token axis, by name) and on the tokens.

    A read tensor counts for what is read of it directly: not for what another read tensor is made of. What is read of
    it is read even where the model itself always sets it to the same value; tokens count what changes.
    """
    return marked_positions(bound, bound_of_direct_reads(interpreter, bound, reads, layout), reads, ids)


def marked_positions(
    bound: Bound, read: Bound, reads: Mapping[str, tuple[int, int]], ids: int, rows: slice = slice(None)
) -> Positions:
    """The positions that two bounds mark for some rows of the output: the tokens, and what is read directly."""
    shapes = {node: read.run.shape(node) for node, _ in reads.values()}
    parts = {n: rows_of(_of(read.marks(node), rows), shapes[node], axis) for n, (node, axis) in reads.items()}
    return Positions(parts, bound.token_rows(_of(bound.marks(ids), rows), ids))


def bound_of_direct_reads(
    interpreter: Interpreter,
    bound: Bound,
    reads: Mapping[str, tuple[int, int]],
    layout: Mapping[str, torch.Tensor],
) -> Bound:
    """The bound of what is read of each tensor itself, constant or not, and not through another one."""
    nodes = {node for node, _ in reads.values()}
    still = any(any(bound.constant(*place)) for place in reads.values())
    return (
        bound_without_constants(interpreter, bound, nodes, layout)
        if still
        else bound_without_detours(interpreter, bound, nodes)
    )


def bound_without_constants(
    interpreter: Interpreter, bound: Bound, nodes: Collection[int], layout: Mapping[str, torch.Tensor]
) -> Bound:
    """The bound in which the nodes may be anything, whatever the model puts there: so constants that are read count.

    What follows from a constant is certain as well, and certain values reach nothing; so the values are made anew.
    """
    ids = {str(n.target) for n in bound.program.nodes if _by_ids(bound.run.values[n.index])}
    anything = {f"node {i}": torch.empty(bound.run.shape(i), dtype=dtype_of(bound.run.values[i])) for i in nodes}
    nodes_cut = (
        replace(n, kind=NodeKind.INPUT, target=f"node {n.index}", args=(), kwargs={}) if n.index in nodes else n
        for n in bound.program.nodes
    )
    return compute_bound(interpreter, replace(bound.program, nodes=tuple(nodes_cut)), {**layout, **anything}, ids)


def _by_ids(value: Value) -> bool:
    return isinstance(value, Unknown) and value.ids


def bound_without_detours(interpreter: Interpreter, bound: Bound, nodes: Collection[int]) -> Bound:
    """The bound in which no way to the logits goes through any of the nodes, only from them."""
    return cut(interpreter, bound, nodes) if len(nodes) > 1 else bound


def cut(interpreter: Interpreter, bound: Bound, nodes: Collection[int]) -> Bound:
    """The bound in which nothing reaches the logits by way of these nodes."""
    # Cut off from what they are made of, the nodes are reached only by what is read of each directly.
    nodes_cut = tuple(_leaf(node) if node.index in nodes else node for node in bound.program.nodes)
    run = replace(bound.run, program=replace(bound.program, nodes=nodes_cut))
    return Bound(bound.run, tuple(interpreter.demand(run)))


def _leaf(node: Node) -> Node:
    """A node cut off from what it is made of."""
    return replace(node, kind=NodeKind.BUFFER, target=node.name, args=(), kwargs={})
