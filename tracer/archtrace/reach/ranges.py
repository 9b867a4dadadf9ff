"""Ranges: how far an index can lead that parameters decide, where its type or its op says so.

A truth is 0 or 1 and an argmax lies on its axis, whatever stands there: what is scattered by `(s > 0).long()` lands at
0 or 1, and no head that reads another position sees it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from archtrace.capture.program import Node, Program
from archtrace.ops import ARGUMENTS_OF_EXTREMES, KEEP_NUMBERS, LANDING
from archtrace.reach.flows import Contraction, Flow, Mask
from archtrace.reach.rules.registry import Transfer, whole_number


def last_landing_place(node: Node, program: Program) -> int | None:
    """The last place along its axis at which a write can land; None where that is open."""
    index = node.operand(2) if node.op in LANDING else None
    return None if index is None else _largest(program.nodes[index.index], program)


def limit_landing(step: Transfer, node: Node, program: Program) -> Transfer:
    """The step of a write, in which nothing lands beyond the last place that its index can name."""
    last, shape = last_landing_place(node, program), node.results[0][0] if node.results else ()
    if last is None or not shape:
        return step
    axis = whole_number(node.args[1]) % len(shape)
    reachable = np.arange(shape[axis]) <= last
    flows = ((slot, flow if slot == 0 else _masked(flow, axis, reachable)) for slot, flow in step.flows[0])
    return replace(step, flows=(tuple(flows),))


def _masked(flow: Flow, axis: int, reached: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Flow:
    if not isinstance(flow, Contraction):
        return flow
    return Contraction(flow.operand, flow.result, (*flow.masks, Mask(flow.result[axis], reached)))


def _largest(node: Node, program: Program) -> int | None:
    """The largest whole number that a node can hold, none of which is negative; None where that is open."""
    while node.results and node.results[0][1] != torch.bool:
        if node.op in ARGUMENTS_OF_EXTREMES and node.refs:
            return _length(node, program.nodes[node.refs[0]]) - 1
        if node.op not in KEEP_NUMBERS or not node.refs or node.results[0][1].is_floating_point:
            return None
        node = program.nodes[node.refs[0]]
    return 1 if node.results else None


def _length(node: Node, operand: Node) -> int:
    """How many elements an argmax chooses among."""
    shape = operand.results[0][0] if operand.results else ()
    axis = node.by_name.get("dim")
    return int(np.prod(shape)) if axis is None else shape[whole_number(axis)] if shape else 1
