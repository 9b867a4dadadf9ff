"""Read tensors: the last hidden states with a token axis on the way from the tokens to the logits.

Walk back from the logits. For a model of the library stop at the outputs of its backbone; for any other (or where
that would miss a path) at the nearest outputs of modules that have a token axis. What several of them share before any
position looks at another is lifted to the tensor that they come from: keys and values to the hidden state.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import TypeAlias

import numpy as np

from archtrace.capture.program import NodeKind, Program, reachable
from archtrace.reach.bound import Bound, token_axis
from archtrace.reach.interpreter import Interpreter
from archtrace.reach.marks import Marks, single_marks, spread
from archtrace.readout.source_expression import source_of

#: A node, and its axis of positions.
Place: TypeAlias = tuple[int, int]


@dataclass(frozen=True)
class ReadTensor:
    """A tensor that the classifier reads: its name, the module whose output it is, its node and token axis."""

    name: str
    module: str
    node: int
    axis: int


def read_tensors(
    interpreter: Interpreter, bound: Bound, backbone: str | None, length: int, expected: Collection[str] = ()
) -> tuple[ReadTensor, ...]:
    """The tensors that the classifier reads; `backbone` is the path of the library's base model, None elsewhere.

    `expected`: the names of those of other lengths. With one token only they tell hidden states from pooled vectors.
    """
    program = bound.program
    carrying = bound.carrying
    is_expected = _matching(expected, backbone) if length == 1 else (lambda tensor: True)
    named = {
        i: n
        for i, n in named_tensors(program, bound, length).items()
        if i in carrying and i != program.output and is_expected(n)
    }
    # The library's own names for hidden states are what people know; they count if every way goes through them.
    if backbone is not None:
        own = {i: n for i, n in named.items() if _is_of_backbone(n.name, backbone)}
        hit, missed = _frontier(bound, carrying, own)
        if hit and not missed:
            return tuple(_renamed(each, backbone) for each in _named_by_call(program, [own[i] for i in sorted(hit)]))
    hit, missed = _frontier(bound, carrying, named)
    # Some way from the tokens met no module's output: a model without modules is named by its source.
    if missed:
        named = {i: n for i, n in _entries(bound, carrying, length).items() if is_expected(n)} | named
        hit, _ = _frontier(bound, carrying, named)
    lifted = _lifted(interpreter, bound, hit, named)
    tensors = _named_by_call(program, [named[i] for i in sorted(lifted)])
    return tuple(_with_token_axis(interpreter, bound, tensor, length) for tensor in tensors)


def _named_by_call(program: Program, tensors: Sequence[ReadTensor]) -> list[ReadTensor]:
    """Several outputs of one module are named by its calls: two texts that go through the same layers."""
    counted, named = Counter(tensor.name for tensor in tensors), {node: name for name, node in calls(program).items()}
    several = [counted[tensor.name] > 1 and named.get(tensor.node, "").startswith(tensor.name) for tensor in tensors]
    return [replace(t, name=named[t.node]) if many else t for t, many in zip(tensors, several, strict=True)]


def _matching(expected: Collection[str], backbone: str | None) -> Callable[[ReadTensor], bool]:
    """Whether a tensor is one of those expected, by its name with or without the path of the backbone."""
    plain = {name.partition(" (call ")[0] for name in expected}
    return lambda tensor: not plain or not {tensor.name, tensor.name.removeprefix(f"{backbone}.")}.isdisjoint(plain)


def _with_token_axis(interpreter: Interpreter, bound: Bound, tensor: ReadTensor, length: int) -> ReadTensor:
    """The tensor with its axis of positions: if none is as long as the tokens, the one along which tokens differ."""
    shape = bound.run.shape(tensor.node)
    if shape[tensor.axis] == length:
        return tensor
    inputs = {i: 1 for i in bound.program.inputs.values() if bound.run.shape(i)[1:2] == (length,)}
    # Where all positions have looked at all tokens, what is nearest and as long as the tokens tells them apart.
    starts = (inputs, _nearest(bound, tensor.node, length))
    axes = (_distinguishing_axis(interpreter, bound, tensor.node, labelled, length) for labelled in starts)
    return replace(tensor, axis=next((axis for axis in axes if axis is not None), tensor.axis))


def _distinguishing_axis(
    interpreter: Interpreter, bound: Bound, node: int, labelled: dict[int, int], length: int
) -> int | None:
    """The axis of a node along which labels differ that lie on an axis of other nodes; None where there is none."""
    given = {i: labels(len(bound.run.shape(i)), axis, length) for i, axis in labelled.items()}
    marks = single_marks(interpreter.influence(bound.run, given)[node]) if given else None
    if marks is None:
        return None
    return next((a for a in range(1, marks.ndim - 1) if (marks != marks.take([0], axis=a)).any()), None)


def _nearest(bound: Bound, node: int, length: int) -> dict[int, int]:
    """The nodes first met on the way back from a node that have an axis as long as the tokens, and which it is."""
    axes: dict[int, int] = {}

    def back(index: int) -> tuple[int, ...]:
        shape = bound.run.shape(index) if index != node and bound.unknown(index) else ()
        axis = next((a for a in range(1, len(shape)) if shape[a] == length), None)
        if axis is None:
            return bound.program.nodes[index].refs
        axes[index] = axis
        return ()

    reachable({node}, back)
    return axes


def labels(rank: int, axis: int, length: int) -> Marks:
    """Marks by which each position along an axis carries a label of its own, for a tensor of that rank."""
    marks: Marks = np.eye(length, dtype=bool).reshape(*(length if a == axis else 1 for a in range(rank)), length)
    return marks


def named_tensors(program: Program, bound: Bound, length: int) -> dict[int, ReadTensor]:
    """Module outputs with a token axis, by node; the outermost module names a node that several put out."""
    named: dict[int, ReadTensor] = {}
    for name, indices in program.tensors.items():
        for index in indices:
            axis = _axis(bound, index, length)
            if axis is not None and (index not in named or _is_better_name(name, named[index].name)):
                named[index] = ReadTensor(name, _owner(name), index, axis)
    return named


def calls(program: Program) -> dict[str, int]:
    """Nodes by the names that tell the calls of one module apart: "dropout (call 2)"; only of modules called often."""
    several = {name: nodes for name, nodes in program.tensors.items() if len(nodes) > 1}
    return {f"{name} (call {n})": node for name, nodes in several.items() for n, node in enumerate(nodes, 1)}


def _axis(bound: Bound, index: int, length: int) -> int | None:
    """The token axis of a node's value; None without one, or where all positions have become one already."""
    shape = tuple(getattr(bound.run.values[index], "shape", ()))
    axis = token_axis(shape, _rows(bound), length) if len(shape) >= 3 else None
    if axis is None and len(shape) >= 3 and shape[:2] in bound.texts:
        axis = 1  # windows, which overlap, are as long as neither the tokens nor their parts
    return axis if axis is not None and (shape[axis] > 1 or length == 1) else None


def _entries(bound: Bound, carrying: frozenset[int], length: int) -> dict[int, ReadTensor]:
    """Where tokens become features, named by their source: what a model is made of that has no modules."""
    entries = {}
    for index in sorted(carrying):
        node = bound.program.nodes[index]
        fresh = _unknown(bound, index) and not any(_unknown(bound, r) for r in node.refs if r in carrying)
        axis = _axis(bound, index, length) if fresh else None
        if axis is not None:
            source = source_of(node)
            entries[index] = ReadTensor(source.expression if source else node.name, node.module, index, axis)
    return entries


def _unknown(bound: Bound, index: int) -> bool:
    return bound.unknown(index)


def _rows(bound: Bound) -> int:
    return bound.run.shape(bound.program.output)[0]


#: Names of hidden states in a model's output, best first.
_FIELDS = ("last_hidden_state", "encoder_last_hidden_state", "hidden_states", "encoder_hidden_states")


def _is_better_name(name: str, other: str) -> bool:
    """Fields of outputs ("last_hidden_state") name a tensor better than paths, and short paths better than long."""
    return _rank(name) < _rank(other)


def _rank(name: str) -> tuple[int, int, int]:
    field = field_of(name)
    return (_FIELDS.index(field) if field else len(_FIELDS), name.count("."), len(name))


def field_of(name: str) -> str:
    """The field of a model's output that a name ends in, such as "hidden_states"; empty for a module's path."""
    last = name.rsplit(".", 1)[-1].split("[", maxsplit=1)[0]
    return last if last in _FIELDS else ""


def _owner(name: str) -> str:
    return name.rsplit(".", 1)[0] if field_of(name) and "." in name else "" if field_of(name) else name


def _is_of_backbone(name: str, backbone: str) -> bool:
    return _owner(name) == backbone and field_of(name) != ""


def _renamed(tensor: ReadTensor, backbone: str) -> ReadTensor:
    return ReadTensor(tensor.name.removeprefix(f"{backbone}."), backbone, tensor.node, tensor.axis)


def _frontier(bound: Bound, carrying: frozenset[int], stops: Iterable[int]) -> tuple[set[int], bool]:
    """The stops first met on the way back from the logits, and whether any way misses them all."""
    nodes, stopping = bound.program.nodes, set(stops)

    def back(index: int) -> list[int]:
        return [] if index in stopping else [ref for ref in nodes[index].refs if ref in carrying]

    met = reachable({bound.program.output}, back)
    return met & stopping, any(nodes[index].kind is NodeKind.INPUT for index in met - stopping)


def _lifted(interpreter: Interpreter, bound: Bound, hit: set[int], named: dict[int, ReadTensor]) -> set[int]:
    """Several read tensors that one hidden state feeds position by position are that hidden state."""
    if len(hit) < 2:
        return hit
    # Keys and values of one hidden state are that hidden state, as long as no position has looked at another.
    dominator = dominators(bound)
    for common in _shared(dominator, hit):
        if common in named and _positionwise(interpreter, bound, named[common], [named[i] for i in hit]):
            return {common}
    return hit


#: The node from which all token inputs come.
_TOKENS = -1


def dominators(bound: Bound) -> dict[int, int]:
    """For each node that carries tokens the last one before it through which every way from the tokens goes."""
    carrying = bound.carrying
    dominator: dict[int, int] = {}
    # In the order of execution all that a node takes is done before it: one pass, where a graph with cycles needs
    # many (Cooper, Harvey and Kennedy, "A simple, fast dominance algorithm", 2001): 0.2 ms for BERT, where
    # networkx.immediate_dominators takes 0.8 ms, and 60 ms once to be imported (networkx 3.6.1).
    for node in sorted(carrying):
        before = [ref for ref in bound.program.nodes[node].refs if ref in carrying]
        dominator[node] = reduce(partial(_meeting, dominator), before) if before else _TOKENS
    return dominator


def _meeting(dominator: dict[int, int], one: int, other: int) -> int:
    """The nearest node through which every way to both goes: the later of two is never on all ways to the earlier."""
    while one != other:
        one, other = min(one, other), dominator[max(one, other)]
    return one


def _shared(dominator: dict[int, int], nodes: set[int]) -> list[int]:
    """The nodes through which every way to each of these goes, nearest first."""
    chains = [chain_of(dominator, node) for node in sorted(nodes)]
    return [n for n in chains[0] if all(n in chain for chain in chains)]


def chain_of(dominator: dict[int, int], node: int) -> list[int]:
    """A node and its dominators, nearest first."""
    chain = [node]
    while dominator.get(node, node) not in (None, node):
        node = dominator[node]
        chain.append(node)
    return chain


def _positionwise(interpreter: Interpreter, bound: Bound, start: ReadTensor, ends: list[ReadTensor]) -> bool:
    """True when each position of the ends depends on the same position of the start alone."""
    shape = bound.run.shape(start.node)
    length = shape[start.axis]
    reached = interpreter.influence(bound.run, {start.node: labels(len(shape), start.axis, length)})
    for end in ends:
        other, marks = bound.run.shape(end.node), single_marks(reached[end.node])
        if marks is None or other[end.axis] != length:
            return False
        table = np.moveaxis(spread(marks, other), end.axis, 0).any(axis=tuple(range(1, len(other))))
        if (table & ~np.eye(length, dtype=bool)).any():
            return False
    return True
