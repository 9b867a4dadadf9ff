"""A log-softmax that is written out: two steps, which say more together than one by one.

x - logsumexp(x, dim, keepdim=True)  is  log_softmax(x, dim)
"""

from __future__ import annotations

from dataclasses import replace

import torch

from archtrace.capture.program import Node, Program, Ref
from archtrace.reach.rules.registry import Call


def log_softmax_of(node: Node, program: Program) -> int | None:
    """The axis of a log-softmax that is written as a difference; None for any other node."""
    if node.op != "aten::sub" or len(node.args) != 2 or node.kwargs or not all(isinstance(a, Ref) for a in node.args):
        return None
    value, total = (program.nodes[ref] for ref in node.refs)
    if (
        total.op != "aten::logsumexp"
        or total.refs != (value.index,)
        or len(total.args) != 3
        or total.args[2] is not True
    ):
        return None
    # Over several axes at once it would be a softmax over all of them, for which torch has no op.
    axes = total.numbers(1)
    return axes[0] if len(axes) == 1 else None


def normalising(call: Call, axis: int) -> Call:
    """The difference as the one op that it is. What the sum takes, the op takes from x itself."""
    op = torch.ops.aten.log_softmax.int
    return replace(call, op=op, name="aten::log_softmax", arguments={"self": call["self"], "dim": axis, "dtype": None})
