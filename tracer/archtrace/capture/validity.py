"""Serving: whether a program that was recorded in one layout holds in another.

It does where its Python would have done the same: every decision comes out as it did, and every size is what it was.
Only the nodes that lead to decisions and sizes are run; parameters and features lead to none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import torch

from archtrace.capture.decisions import Decision
from archtrace.capture.execute import zeroed
from archtrace.capture.nested import tensors_in
from archtrace.capture.program import Node, NodeKind, Program
from archtrace.ops import SIZED_BY

#: Stands for a value that parameters or features decide.
_UNKNOWN = object()


def serves(program: Program, layout: Mapping[str, torch.Tensor]) -> bool:
    """True where the program is what a run in this layout would record."""
    values: dict[int, object] = {}
    for node in _structure(program):
        value = _value(node, program, layout, values)
        if value is None or not _as_recorded(node, value):
            return False
        values[node.index] = value
    return True


@lru_cache(maxsize=64)
def _structure(program: Program) -> tuple[Node, ...]:
    """The nodes that lead to decisions and to sizes which data decide, in order."""
    # From the decisions back to the inputs: a few nodes of thousands, so that asking costs next to nothing.
    sized = (node.index for node in program.nodes if _is_sized(node, program))
    return tuple(program.nodes[index] for index in sorted(program.behind({*program.decisions, *sized})))


def _is_sized(node: Node, program: Program) -> bool:
    """True for an op whose size data decide; an index by numbers is as large as they are."""
    if node.op == "aten::index":
        specs = [program.nodes[ref].results for ref in node.refs[1:]]
        return any(spec and spec[0][1] in (torch.bool, torch.uint8) for spec in specs)
    return node.op in SIZED_BY and (node.op != "aten::where" or len(node.args) == 1)


def _value(node: Node, program: Program, layout: Mapping[str, torch.Tensor], values: dict[int, object]) -> object:
    """A node's value in a layout; _UNKNOWN where the layout does not decide it; None where it is not as recorded."""
    if node.kind is NodeKind.INPUT:
        given = layout[node.tensor_name]
        return _UNKNOWN if given.is_floating_point() else given
    if node.kind is not NodeKind.OP:
        return program.values.get(node.tensor_name, _UNKNOWN)
    if any(values[ref] is _UNKNOWN for ref in node.refs):
        return _sized(node, program, values) if _is_sized(node, program) else _UNKNOWN
    return _run(node, values)


def _run(node: Node, values: Mapping[int, object]) -> object:
    args, kwargs = node.arguments_with(values.__getitem__)
    try:
        result = zeroed(node.operation, node.operation(*args, **kwargs))
    # The layout may be one that the model refuses; the run that follows says why.
    except Exception:  # what fails in this layout was not recorded in it
        return None
    return (result or None) if isinstance(node.target, Decision) else result


def _sized(node: Node, program: Program, values: Mapping[int, object]) -> object:
    """An op whose size known values decide: run on zeros in place of what is unknown, and forgotten again."""
    plain = dict(values)
    for ref in node.refs:
        spec = program.nodes[ref].results
        if values[ref] is _UNKNOWN and spec:
            plain[ref] = torch.zeros((), dtype=spec[0][1]).expand(spec[0][0])
    result = _run(node, plain)
    return None if result is None or not _as_recorded(node, result) else _UNKNOWN


def _as_recorded(node: Node, value: object) -> bool:
    if value is _UNKNOWN or node.results is None or isinstance(node.target, Decision) or node.kind is not NodeKind.OP:
        return True
    tensors = tensors_in(value)
    return len(tensors) != len(node.results) or all(
        tuple(t.shape) == shape for t, (shape, _) in zip(tensors, node.results, strict=True)
    )
