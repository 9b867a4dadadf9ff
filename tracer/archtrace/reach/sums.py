"""Sums that are what they are whatever goes in: over the whole of an axis along which a value was normalised.

    sum_j softmax(x)[i, j] = 1        sum_j (x[i, j] - mean_k x[i, k]) = 0

So a mean over positions after a softmax or a norm over positions tells nothing of them. In floating point a rounding
error is left, which a sign, a comparison or a sort would make large: the sum counts as constant only where nothing
but smooth ops of ordinary size stands between it and the logits.
"""

from __future__ import annotations

from archtrace.capture.program import Node, NodeKind, Program, Ref, reachable
from archtrace.ops import ADDING, NORMS, SAME, SMOOTH
from archtrace.reach.rules.registry import Transfer, whole_number


def constant_sum(node: Node, program: Program) -> bool:
    """True where a node sums or averages over an axis along which the sum cannot change, and nothing sharpens it."""
    axis = _summed_axis(node, program)
    return axis is not None and _sums_to_constant(program, node.refs[0], axis) and _stays_smooth(node, program)


def without_flows(step: Transfer) -> Transfer:
    """A step that nothing flows through."""
    slots = frozenset(slot for flows in step.flows for slot, _ in flows)
    return Transfer(step.outputs, ((),) * len(step.outputs), silent=step.silent | slots)


def _summed_axis(node: Node, program: Program) -> int | None:
    """The one axis that a sum or a mean goes over, from 0."""
    if node.op not in ADDING or len(node.refs) != 1 or len(node.args) < 2:
        return None
    axes, rank = node.numbers(1), _rank(program.nodes[node.refs[0]])
    return axes[0] % rank if len(axes) == 1 and rank else None


def _rank(node: Node) -> int:
    return len(node.results[0][0]) if node.results else 0


def _sums_to_constant(program: Program, index: int, axis: int) -> bool:
    """Whether the sum of a node over an axis is a constant: back through what only moves axes, to what normalises."""
    node = program.nodes[index]
    while node.kind is NodeKind.OP and node.refs and (before := _before(node, axis)) is not None:
        node, axis = program.nodes[node.refs[0]], before
    return node.kind is NodeKind.OP and (_normalises(node, axis) or _is_centred(node, program, axis))


def _before(node: Node, axis: int) -> int | None:
    """The axis of the first operand that an axis of a node was; None for any other op."""
    if node.op in SAME:
        return axis
    rank = _rank(node)
    if node.op == "aten::transpose":
        first, second = (whole_number(axis) % rank for axis in node.args[1:3])
        return {first: second, second: first}.get(axis, axis)
    return node.numbers(1)[axis] % rank if node.op == "aten::permute" else None


def _normalises(node: Node, axis: int) -> bool:
    """An op that normalises along an axis, without weights of its own."""
    if node.op not in NORMS:
        return False
    rank, arguments = _rank(node), node.by_name
    if "dim" in arguments:
        return whole_number(arguments["dim"]) % rank == axis
    plain = arguments.get("weight") is None and arguments.get("bias") is None
    if node.op == "aten::instance_norm":
        return plain and bool(arguments["use_input_stats"]) and rank == 3 and axis == 2
    axes = arguments["normalized_shape"]
    return plain and isinstance(axes, list | tuple) and len(axes) == 1 and axis == rank - 1


def _is_centred(node: Node, program: Program, axis: int) -> bool:
    """x - mean(x, axis, keepdim=True)."""
    if node.op != "aten::sub" or len(node.args) != 2 or node.kwargs or not all(isinstance(a, Ref) for a in node.args):
        return False
    value, mean = (program.nodes[ref] for ref in node.refs)
    keeps_axis = mean.op == "aten::mean" and mean.refs == (value.index,) and tuple(mean.args[2:]) == (True,)
    return keeps_axis and _rank(mean) == _rank(value) and [a % _rank(value) for a in mean.numbers(1)] == [axis]


def _stays_smooth(node: Node, program: Program) -> bool:
    """Whether all that comes of a node is made by smooth ops."""
    users = reachable(program.users[node.index], program.users.__getitem__)
    return all(program.nodes[user].op in SMOOTH for user in users)
