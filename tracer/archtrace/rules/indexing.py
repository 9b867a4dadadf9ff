"""Indexing by an index that is not known: any element along the indexed axes may be the one that is taken.

Routing (a token choosing the experts' weights), hashing and sorting work this way. The index reaches what it
selects, pointwise; the table reaches it along the axes that the index runs over.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from archtrace.flows import Contraction, Everything
from archtrace.rules.axes import aligned, letters
from archtrace.rules.registry import Call, Operand, Step, everything, rule, shape_of, single


@rule("embedding")
def embedding(call: Call) -> Step:
    """embedding(table, ids)[*i, d] = table[ids[*i], d]."""
    out = letters(len(call.shape))
    table = ((call["weight"], "V" + out[-1]), (call["indices"], out[:-1]))
    return single(call, tuple((v.slot, Contraction(axes, out)) for v, axes in table if isinstance(v, Operand)))


def _along(call: Call) -> Step:
    """gather and its like: result[.., i, ..] = table[.., index[.., i, ..], ..] along `dim`."""
    rank = len(call.shape)
    out = letters(rank)
    axis = call["dim"] % max(rank, 1)
    table = out[:axis] + "T" + out[axis + 1 :]
    index = out if len(shape_of(call["index"])) == rank else out[axis]
    same = all(a == b for i, (a, b) in enumerate(zip(shape_of(call["self"]), call.shape, strict=True)) if i != axis)
    flows: list[tuple[int, Any]] = []
    for value, axes in ((call["self"], table), (call["index"], index)):
        if isinstance(value, Operand):
            narrow = same or value is not call["self"]
            flow = Contraction(axes, out) if narrow else Everything(rank, rank)
            flows.append((value.slot, flow))
    return single(call, tuple(flows))


def _index(call: Call) -> Step:
    """x[i, j, :] with unknown i, j: the indexed axes of x are read whole, the others stay where they are."""
    indices = call["indices"]
    places = [axis for axis, index in enumerate(indices) if index is not None]
    if places != list(range(places[0], places[-1] + 1)):
        return everything(call)
    rank = len(shape_of(call["self"]))
    out = letters(len(call.shape))
    broadcast = len(call.shape) - (rank - len(places))
    block = out[places[0] : places[0] + broadcast]
    table = out[: places[0]] + "".join(chr(ord("A") + i) for i in range(len(places))) + out[places[0] + broadcast :]
    flows = []
    if isinstance(call["self"], Operand):
        flows.append((call["self"].slot, Contraction(table, out)))
    shape = call.shape[places[0] : places[0] + broadcast]
    for index in indices:
        if isinstance(index, Operand):
            names = dict(zip(letters(broadcast), block, strict=True))
            axes = "".join(names.get(a, a) for a in aligned(index.value.shape, shape))
            flows.append((index.slot, Contraction(axes, out)))
    return single(call, tuple(flows))


def _write_along(call: Call) -> Step:
    """scatter and its like: result = x, but along `dim` anything may land anywhere."""
    rank = len(call.shape)
    out = letters(rank)
    axis = call["dim"] % max(rank, 1)
    inn = out[:axis] + "T" + out[axis + 1 :]
    flows: list[tuple[int, Any]] = []
    for name in ("self", "index", "src", "source"):
        value = call[name]
        if isinstance(value, Operand):
            whole = value.value.shape == call.shape
            exact = Contraction(out, out) if name == "self" else Contraction(inn, out)
            flows.append((value.slot, exact if whole else Everything(len(value.value.shape), rank)))
    return single(call, tuple(flows))


rule("scatter_add", "scatter_reduce", "index_add")(_write_along)

#: Movements whose index is not known.
IRREGULAR: dict[str, Callable[[Call], Step]] = {
    "aten::gather": _along,
    "aten::take_along_dim": _along,
    "aten::index_select": _along,
    "aten::index": _index,
    "aten::scatter": _write_along,
    "aten::index_copy": _write_along,
}
