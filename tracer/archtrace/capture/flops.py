"""FLOPs of the nodes of a program, by torch's own formulas."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from archtrace.capture.decisions import Decision
from archtrace.capture.program import Kind, Node, Program, substitute


class Flops:
    """Counts nodes; the second layer costs a look-up."""

    def __init__(self) -> None:
        self._known: dict[Any, int] = {}

    def of(self, node: Node, program: Program) -> int:
        """Floating-point operations of a node, two for each product that is added; 0 where torch has no formula."""
        if node.kind is not Kind.OP or isinstance(node.target, Decision) or not callable(node.target):
            return 0
        shapes = tuple(program.nodes[ref].results for ref in node.refs)
        # What stands between the references decides as well: a stride, a transposition.
        key = (node.target, shapes, repr(substitute((node.args, node.kwargs), lambda _: "")))
        if key not in self._known:
            self._known[key] = _counted(node, program)
        return self._known[key]


def _counted(node: Node, program: Program) -> int:
    """An op runs on meta tensors, which have shapes and no elements, under torch's counter."""

    def blank(ref: int) -> Any:
        results = program.nodes[ref].results or ()
        tensors = [torch.empty(shape, dtype=dtype, device="meta") for shape, dtype in results]
        return tensors if program.nodes[ref].many else tensors[0] if tensors else None

    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            node.target(*substitute(list(node.args), blank), **substitute(node.kwargs, blank))
    except Exception:  # an op that needs values (a count, an index) does no sums of products
        return 0
    return int(counter.get_total_flops())
