"""Accesses: the several ops by which one tensor is read (a select beside a mean), each looked at by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

from archtrace.answer.positions import Rows
from archtrace.capture.program import Node
from archtrace.reach.bound import bound_without_constants, cut
from archtrace.readout.analysis import Analysis
from archtrace.readout.selection import ends
from archtrace.readout.tensors import ReadTensor

#: What an op is in every program of a model: its name, module and line, and which of several alike it is.
Key: TypeAlias = tuple[str, str, int, int]
#: More accesses than these are a loop over positions.
MOST = 4


def accesses_of(name: str, analyses: Sequence[Analysis]) -> list[Key]:
    """The accesses to a tensor, the same ones in every layout; none where there are not several."""
    first = list(_ends_by_key(analyses[0], analyses[0].reference, name) or ())
    if not 1 < len(first) <= MOST:
        return []
    all_keys = (_ends_by_key(analysis, layout, name) for analysis in analyses for layout in analysis.bounds)
    return first if all(keys is not None and list(keys) == first for keys in all_keys) else []


def end_of(analysis: Analysis, layout: str, name: str, key: Key | None) -> int | None:
    """The node of an access in a layout's program."""
    return None if key is None else (_ends_by_key(analysis, layout, name) or {}).get(key)


def rows_of_access(analysis: Analysis, layout: str, name: str, key: Key) -> Rows:
    """The positions of a tensor that one access reads, and none of the others."""
    nodes = {t.node for t in analysis.tensors(layout)}
    tensor, bound = _tensor(analysis, layout, name), analysis.bounds[layout]
    assert tensor is not None
    if any(any(bound.constant(t.node, t.axis)) for t in analysis.tensors(layout)):
        bound = bound_without_constants(analysis.interpreter, bound, nodes, analysis.layouts[layout])
    others = {node for other, node in (_ends_by_key(analysis, layout, name) or {}).items() if other != key}
    return cut(analysis.interpreter, bound, nodes | others).rows(tensor.node, tensor.axis)


def _tensor(analysis: Analysis, layout: str, name: str) -> ReadTensor | None:
    return next((t for t in analysis.tensors(layout) if t.name == name), None)


def _ends_by_key(analysis: Analysis, layout: str, name: str) -> dict[Key, int] | None:
    """The ends of a tensor's axis by what they are; None where the tensor is not in the layout's program."""
    tensor, bound = _tensor(analysis, layout, name), analysis.bounds[layout]
    if tensor is None:
        return None
    others = frozenset(t.node for t in analysis.tensors(layout)) - {tensor.node}
    counted: Counter[tuple[str, str, int]] = Counter()
    keyed = {}
    for node in ends(bound, tensor, bound.run.shape(tensor.node)[tensor.axis], others):
        counted[_plain(node)] += 1
        keyed[*_plain(node), counted[_plain(node)]] = node.index
    return keyed


def _plain(node: Node) -> tuple[str, str, int]:
    return node.op, node.module, node.line
