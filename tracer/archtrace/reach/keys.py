"""Keys: numbers for values and nodes. No rule can tell apart what has one number, in this layer or in the next.

The number of a value depends on what a rule may look at: the contents of a known tensor, the facts of an unknown one.
That of a node depends on its op, its constants and the shapes of its results.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from weakref import WeakKeyDictionary

import numpy as np
import torch

from archtrace.capture.decisions import Decision
from archtrace.capture.program import Node, NodeKind, Program
from archtrace.reach.calling import plain_key
from archtrace.reach.log_softmax import log_softmax_of
from archtrace.reach.ranges import last_landing_place
from archtrace.reach.sums import constant_sum
from archtrace.reach.token_values import in_layout
from archtrace.reach.values import Unknown, Value, digest


class Keys:
    """Numbers, given out in order; equal things have one number."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        self._contents: dict[int, tuple[torch.Tensor, int]] = {}
        self._plain: dict[int, tuple[Node, Hashable]] = {}
        self._nodes: WeakKeyDictionary[Program, Sequence[int | None]] = WeakKeyDictionary()

    def begin(self) -> None:
        """Another layout: its known tensors are others, and those of the last one are let go."""
        self._contents = {}

    def of(self, value: Value) -> Hashable:
        """What a rule may look at."""
        if isinstance(value, Unknown):
            return self._number(("?", *value.facts))
        if isinstance(value, torch.Tensor):
            return self.tensor(value)
        if isinstance(value, list | tuple):
            return tuple(map(self.of, value))
        return self._number((type(value), value)) if _is_plain(value) else id(value)

    def tensor(self, value: torch.Tensor) -> int:
        """The number of a known tensor."""
        # An id() is reused once its object is gone, so the object is stored beside its key.
        known = self._contents.get(id(value))
        if known is None or known[0] is not value:
            key = self._number((tuple(value.shape), value.dtype, _contents(value)))
            known = self._contents[id(value)] = (value, key)
        return known[1]

    def real(self, value: Unknown) -> int:
        """The number of what an unknown value is in this layout."""
        plain = in_layout(value)
        assert plain is not None
        return self.tensor(plain)

    def plain(self, node: Node) -> Hashable:
        """What tells a node's arguments apart but for the values that it takes."""
        # The nodes of a program that was cut are those of the whole one: their arguments are printed once.
        known = self._plain.get(id(node))
        if known is None:
            known = self._plain[id(node)] = (node, plain_key((node.args, node.kwargs)))
        return known[1]

    def nodes(self, program: Program) -> Sequence[int | None]:
        """A number for each node whose step depends on it and the facts of its operands; None where more counts."""
        known = self._nodes.get(program)
        if known is None:
            known = self._nodes[program] = [self._node(node, program) for node in program.nodes]
        return known

    def _node(self, node: Node, program: Program) -> int | None:
        if node.kind is NodeKind.PARAMETER:
            return self._number(("parameter", node.results))
        # Which elements there are of a selection is up to other nodes than the operands.
        selected = node.selected or any(program.nodes[ref].selected for ref in node.refs)
        if node.kind is not NodeKind.OP or isinstance(node.target, Decision) or selected:
            return None
        parts = (node.target, self.plain(node), node.results, node.many, *context_of(node, program))
        return self._number(("node", *parts))

    def _number(self, key: Hashable) -> int:
        return self._numbers.setdefault(key, len(self._numbers))


def context_of(node: Node, program: Program) -> tuple[Hashable, ...]:
    """What a node's step owes to the ops around it, beyond its operands."""
    return log_softmax_of(node, program), constant_sum(node, program), last_landing_place(node, program)


def is_keyed(value: Value) -> bool:
    """True where its key says all that is known of a value: no token decides it, no selection stands behind it."""
    if isinstance(value, list | tuple):
        return all(map(is_keyed, value))
    if isinstance(value, Unknown):
        return value.real is None and value.standin is None and not value.ids
    return isinstance(value, torch.Tensor) or _is_plain(value)


def _is_plain(value: Value) -> bool:
    return isinstance(value, int | float | bool | str | None)


def _contents(value: torch.Tensor) -> Hashable:
    """What tells known tensors of one shape and type apart; a constant one is its constant."""
    if not value.numel():
        return None
    first = value[(0,) * value.ndim]
    if not any(value.stride()) or bool((value == first).all()):
        return first.item()
    return digest(np.asarray(value.contiguous().flatten().view(torch.uint8).numpy()))
