"""Padding: the one notion of it. Asked of the token that a position carries, and of nothing else.

A position carries a token where its embedding is there element by element: moved, scaled, added to, but not summed with
other positions. In `cat([cls, embed(ids)])` position 0 carries none and is no padding; position 1 carries token 0.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import torch

from archtrace.answer.positions import Rows
from archtrace.layouts import Vocabulary, attended
from archtrace.reach.bound import Bound, batch_axis
from archtrace.reach.interned import Interned
from archtrace.reach.marks import Marks, spread
from archtrace.reach.values import Unknown
from archtrace.readout.study import Study

#: For each row and position of a tensor the tokens of that row that it carries.
Carried: TypeAlias = tuple[tuple[frozenset[int], ...], ...]

#: Beyond tensors of this many elements (scores over windows of 512) each position is taken to carry its own token: a
#: label for each token on each of them would fill the memory.
LARGEST = 4_000_000


def padding_of(layout: Mapping[str, torch.Tensor], words: Vocabulary) -> Rows | None:
    """For each row the tokens that are padding, in the first way to tell; None where nothing tells."""
    kept = attended(layout, words)
    return None if kept is None else tuple(tuple(int(p) for p in torch.where(~row)[0]) for row in kept)


def carried(study: Study, layout: str) -> dict[str, Carried]:
    """What the positions of each read tensor carry.

    Which token stands where does not depend on which of them are padding, though a model may zero the states of pads:
    so the first layout is asked, in which there is none. Behind a recurrence or a convolution no position carries a
    token; where there are as many of them as tokens, each stands for its own.
    """
    first = next(iter(study.bounds))
    told = _carried(study, first)
    own = study.reads(layout)
    alike = {n for n in own if n in told and len(told[n][0]) == study.bounds[layout].run.shape(own[n][0])[own[n][1]]}
    return told if alike == own.keys() else _carried(study, layout)


def _carried(study: Study, layout: str) -> dict[str, Carried]:
    bound, reads = study.bounds[layout], study.reads(layout)
    if max(map(_size, bound.run.values), default=0) > LARGEST:
        return {name: _in_order(bound.run.shape(node), axis, study.length) for name, (node, axis) in reads.items()}
    marks = _marks(bound, bound.program.inputs[study.ids], study.length)
    return {
        name: _table(marks[node], bound.run.shape(node), axis, study.length) for name, (node, axis) in reads.items()
    }


def _size(value: Any) -> int:
    """The elements of what tokens may reach: no weight carries one."""
    if isinstance(value, list | tuple):
        return max(map(_size, value), default=0)
    return value.size if isinstance(value, Unknown) and not value.weights_only else 0


def _in_order(shape: tuple[int, ...], axis: int, length: int) -> Carried:
    """Position i carries token i, as far as there are tokens."""
    return (tuple(frozenset({p} if p < length else ()) for p in range(shape[axis])),) * shape[batch_axis(axis)]


def tokens_read(read: Rows, carries: Carried) -> Rows:
    """For each row the tokens that the positions which are read carry."""
    return tuple(
        tuple(sorted(frozenset[int]().union(*(there[p] for p in row))))
        for row, there in zip(read, carries, strict=True)
    )


def _table(marks: Marks | None, shape: tuple[int, ...], axis: int, length: int) -> Carried:
    rows, count = shape[batch_axis(axis)], shape[axis]
    if marks is None or not marks.any():
        return (tuple(frozenset({p} if count == length else ()) for p in range(count)),) * rows
    kept = np.moveaxis(spread(marks, shape), (batch_axis(axis), axis), (0, 1))
    table: Marks = np.asarray(kept.any(axis=tuple(range(2, kept.ndim - 1))))
    return tuple(tuple(frozenset(map(int, np.flatnonzero(at))) for at in row) for row in table)


def _marks(bound: Bound, ids: int, length: int) -> list[Any]:
    """For each node the tokens that its elements carry."""
    rank = len(bound.run.shape(ids))
    axis = 1 if bound.unknown(ids) else rank - 1
    found: list[Any] = [None] * len(bound.program.nodes)
    found[ids] = np.eye(length, dtype=bool).reshape(*(length if a == axis else 1 for a in range(rank)), length)
    once = Interned()  # equal layers are looked at once
    for node in bound.program.nodes:
        step = bound.run.steps[node.index]
        if node.target is operator.getitem and found[node.refs[0]] is not None:
            found[node.index] = found[node.refs[0]][node.args[1]]
        elif step is not None:
            results = [_moved(once, flows, [found[ref] for ref in node.refs]) for flows in step.flows]
            found[node.index] = results if node.many else results[0] if results else None
    return found


def _moved(once: Interned, flows: Any, sources: list[Any]) -> Any:
    """What one result carries: an operand whose positions come together in it gives it nothing."""
    marks = None
    for slot, flow in flows:
        source = sources[slot]
        if source is None or isinstance(source, list):
            continue
        pushed = once.carried(flow, "push", source)
        # more tokens in one element than any had before: a sum over positions, which no element survives
        if pushed.sum(-1).max(initial=0) <= source.sum(-1).max(initial=0):
            marks = once.joined(marks, pushed)
    return marks
