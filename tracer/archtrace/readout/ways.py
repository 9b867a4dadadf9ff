"""Ways: a tensor that is read in several ways (a select beside a mean) is taken apart into them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

from archtrace.answer.positions import Rows
from archtrace.capture.program import Node
from archtrace.reach.bound import cut, opened
from archtrace.readout.analysis import Analysis
from archtrace.readout.selection import ends
from archtrace.readout.tensors import ReadTensor

#: What an op is in every program of a model: its name, module and line, and which of several alike it is.
Key: TypeAlias = tuple[str, str, int, int]
#: More ways than these are a loop over positions.
MOST = 4


def ways_of(name: str, studies: Sequence[Analysis]) -> list[Key]:
    """The ways in which a tensor is read, the same ones in every layout; none where there are not several."""
    first = list(_keyed(studies[0], studies[0].telling, name) or ())
    if not 1 < len(first) <= MOST:
        return []
    found = (_keyed(study, layout, name) for study in studies for layout in study.bounds)
    return first if all(keys is not None and list(keys) == first for keys in found) else []


def end_of(study: Analysis, layout: str, name: str, key: Key | None) -> int | None:
    """The node of a way in a layout's program."""
    return None if key is None else (_keyed(study, layout, name) or {}).get(key)


def rows_by(study: Analysis, layout: str, name: str, key: Key) -> Rows:
    """The positions of a tensor that are read in one way, by none of the others."""
    nodes = {t.node for t in study.tensors(layout)}
    tensor, found = _tensor(study, layout, name), study.bounds[layout]
    assert tensor is not None
    if any(any(found.constant(t.node, t.axis)) for t in study.tensors(layout)):
        found = opened(study.interpreter, found, nodes, study.layouts[layout])
    others = {node for other, node in (_keyed(study, layout, name) or {}).items() if other != key}
    return cut(study.interpreter, found, nodes | others).rows(tensor.node, tensor.axis)


def _tensor(study: Analysis, layout: str, name: str) -> ReadTensor | None:
    return next((t for t in study.tensors(layout) if t.name == name), None)


def _keyed(study: Analysis, layout: str, name: str) -> dict[Key, int] | None:
    """The ends of a tensor's axis by what they are; None where the tensor is not in the layout's program."""
    tensor, found = _tensor(study, layout, name), study.bounds[layout]
    if tensor is None:
        return None
    others = frozenset(t.node for t in study.tensors(layout)) - {tensor.node}
    counted: Counter[tuple[str, str, int]] = Counter()
    keyed = {}
    for node in ends(found, tensor, found.run.shape(tensor.node)[tensor.axis], others):
        counted[_plain(node)] += 1
        keyed[*_plain(node), counted[_plain(node)]] = node.index
    return keyed


def _plain(node: Node) -> tuple[str, str, int]:
    return node.op, node.module, node.line
