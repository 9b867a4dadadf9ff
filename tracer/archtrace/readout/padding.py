"""Padding: the one notion of it. Asked of the token that a position carries, and of nothing else.

A position carries a token where its embedding is there element by element: moved, scaled, added to, but not summed with
other positions. In `cat([cls, embed(ids)])` position 0 carries none and is no padding; position 1 carries token 0.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
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
#: For each row and position whether something is so.
Flags: TypeAlias = tuple[tuple[bool, ...], ...]

#: Beyond tensors of this many elements (scores over windows of 512) each position is taken to carry its own token: a
#: label for each token on each of them would fill the memory.
LARGEST = 4_000_000


def padding_of(layout: Mapping[str, torch.Tensor], words: Vocabulary) -> Rows | None:
    """For each row the tokens that are padding, in the first way to tell; None where nothing tells."""
    kept = attended(layout, words)
    return None if kept is None else tuple(tuple(int(p) for p in torch.where(~row)[0]) for row in kept)


def standing(flags: Sequence[Sequence[bool]], carries: Carried, *, alone: bool) -> Flags:
    """For each row and position of a tensor whether a flag of the tokens holds there; `alone` where it carries none.

    A tensor with rows of its own has none in which a token could be told: the flags are those of the tokens then.
    """
    if len(flags) != len(carries):
        return tuple(tuple(map(bool, row)) for row in flags)
    return tuple(
        tuple(any(row[t] for t in tokens) if tokens else alone for tokens in there)
        for row, there in zip(flags, carries, strict=True)
    )


def carried(study: Study, layout: str) -> dict[str, Carried]:
    """What the positions of each read tensor carry.

    Which token stands where does not depend on which of them are padding, though a model may zero the states of pads:
    so the first layout is asked, in which there is none. Behind a recurrence or a convolution no position carries a
    token; where there are as many of them as tokens, each stands for its own.
    """
    first = next(iter(study.bounds))
    told = _once(study, first)
    own = study.reads(layout)
    alike = {n for n in own if n in told and len(told[n][0]) == study.bounds[layout].run.shape(own[n][0])[own[n][1]]}
    return told if alike == own.keys() else _once(study, layout)


def _once(study: Study, layout: str) -> dict[str, Carried]:
    if layout not in study.carried:
        study.carried[layout] = _carried(study, layout)
    found: dict[str, Carried] = study.carried[layout]
    return found


def _carried(study: Study, layout: str) -> dict[str, Carried]:
    bound, reads = study.bounds[layout], study.reads(layout)
    features = study.length if bound.unknown(bound.program.inputs[study.ids]) else 1
    if max(map(_size, bound.run.values), default=0) * features > LARGEST:
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
    marks = None if marks is None else marks[..., :-1]
    if marks is None or not marks.any():
        return (tuple(frozenset({p} if count == length else ()) for p in range(count)),) * rows
    kept = np.moveaxis(spread(marks, shape), (batch_axis(axis), axis), (0, 1))
    table: Marks = np.asarray(kept.any(axis=tuple(range(2, kept.ndim - 1))))
    return tuple(tuple(frozenset(map(int, np.flatnonzero(at))) for at in row) for row in table)


def _marks(bound: Bound, ids: int, length: int) -> list[Any]:
    """For each node the tokens that its elements carry; the last label stands for a mixture."""
    rank = len(bound.run.shape(ids))
    axis = 1 if bound.unknown(ids) else rank - 1
    found: list[Any] = [None] * len(bound.program.nodes)
    found[ids] = np.eye(length, length + 1, dtype=bool).reshape(
        *(length if a == axis else 1 for a in range(rank)), length + 1
    )
    carrying = _Carrying()
    for node in bound.program.nodes:
        step = bound.run.steps[node.index]
        if node.target is operator.getitem and found[node.refs[0]] is not None:
            found[node.index] = found[node.refs[0]][node.args[1]]
        elif step is not None:
            sources = [None if isinstance(found[ref], list) else found[ref] for ref in node.refs]
            results = [carrying.result(flows, sources) for flows in step.flows]
            found[node.index] = results if node.many else results[0] if results else None
    return found


class _Carrying:
    """Carries tokens along flows. An element carries one or is a mixture; equal layers are looked at once."""

    def __init__(self) -> None:
        self._interned = Interned()
        self._known: dict[tuple[Any, ...], tuple[Any, Marks]] = {}

    def result(self, flows: Any, sources: Sequence[Any]) -> Any:
        """What one result carries."""
        parts = [self._part(flow, sources[slot]) for slot, flow in flows if sources[slot] is not None]
        return self._once(_joined, *parts) if len(parts) > 1 else next(iter(parts), None)

    def _part(self, flow: Any, source: Marks) -> Marks:
        pushed = self._interned.carried(flow, "push", source)
        return self._once(_together if _lengths(pushed) == _lengths(source) else _apart, pushed)

    def _once(self, make: Any, *marks: Marks) -> Marks:
        # An identity means something as long as what it names is there: it is kept beside the result.
        key = (make, *map(id, marks))
        if key not in self._known:
            self._known[key] = (marks, make(*marks))
        return self._known[key][1]


def _lengths(marks: Marks) -> list[int]:
    """Of the axes along which elements carry other tokens."""
    return [n for n in marks.shape[:-1] if n > 1]


def _apart(pushed: Marks) -> Marks:
    """A pool makes fewer positions of many; one that a model keeps out of it carries what it did."""
    mixed = pushed.sum(-1, keepdims=True) > 1
    return _mixing(pushed, mixed) if mixed.any() else pushed


def _together(pushed: Marks) -> Marks:
    """Where as many come out as went in, and some are mixtures, all are: position 0 of a causal one as the others."""
    count = pushed.sum(-1, keepdims=True)
    return _mixing(pushed, count > 0) if (count > 1).any() else pushed


def _joined(*parts: Marks) -> Marks:
    """A sum of operands: a token beside a mixture stays (a residual addition), beside another it does not."""
    union = np.logical_or.reduce(np.broadcast_arrays(*parts))
    count = union[..., :-1].sum(-1, keepdims=True)
    mixed = (count > 1) | (union[..., -1:] & (count == 0))
    return np.concatenate([union[..., :-1] & ~mixed, mixed], axis=-1)


def _mixing(marks: Marks, mixed: Marks) -> Marks:
    return np.concatenate([marks[..., :-1] & ~mixed, marks[..., -1:] | mixed], axis=-1)
