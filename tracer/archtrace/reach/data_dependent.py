"""Selections: axes along which parameters decide which elements there are.

A router sends some tokens to an expert: t = nonzero(c); y[t] += f(x[t]). How many, and which, is open, so the axis of t
is taken as long as it can be, an element for each element of c, and element i stands for element i of c *if it is
selected*. Then x[t] is x itself, row by row, f is what it is, and what is written back at t lands in the row that it
came from: row i of y depends on row i of x, and on c[i], which decides whether there is anything at all.

This holds as long as nothing asks where in the selection an element stands. An op that treats the elements of such an
axis alike, each by itself or all of them together, keeps it; under any other op everything reaches everything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import torch

from archtrace.capture.program import Node, Program, Ref
from archtrace.ops import KEEP_SELECTION, LOOK_UPS, WRITES_ALONG
from archtrace.reach.axis_views import Moved, Regroup
from archtrace.reach.flows import Contraction, Everything, Flow, Mask, Pairs, Take
from archtrace.reach.known import evaluate
from archtrace.reach.marks import Array, Shape
from archtrace.reach.rules.registry import Flows, Output, Transfer, tensors_of, whole_number
from archtrace.reach.scales import largest_scale
from archtrace.reach.values import Unknown, Value, free, shape_of_value, unknown
from archtrace.reach.views import Led, Turned

#: Elements by their number, in row-major order.
Numbers: TypeAlias = Array[np.int64]
#: Flows that know which axes they leave as they are.
_PLACING = (Take, Moved, Regroup, Led, Turned)


def axes_of(node: Node) -> Mapping[int, int]:
    """The selected axes of a node with one result, each with the node whose values select."""
    return node.selected[0] if node.selected else {}


def standin_of(node: Node, program: Program) -> torch.Tensor | None:
    """What nonzero would return if it selected all: row i holds the coordinates of element i."""
    if node.op != "aten::nonzero" or not node.selected:
        return None
    condition = program.nodes[node.refs[0]]
    # Coordinates within what is a selection already count in that shorter one: what stands for them would not.
    if condition.selected or not condition.results:
        return None
    return torch.ones(condition.results[0][0], dtype=torch.bool).nonzero()


def with_standins(node: Node, program: Program, values: Sequence[Value], outputs: Sequence[Output]) -> list[Output]:
    """Outputs of a step, with what stands for them where they are indices of a selection."""
    standin = standin_of(node, program)
    standins = [standin] if standin is not None else _standins_after(node, values)
    if not standins:
        return list(outputs)
    pairs = zip(outputs, standins, strict=True)
    return [replace(output, standin=s) if isinstance(output, Unknown) else output for output, s in pairs]


def _standins_after(node: Node, values: Sequence[Value]) -> list[torch.Tensor]:
    """What stands for an index after an op that leaves its elements where they are; nothing after another."""
    operands = [values[ref] for ref in node.refs]
    if node.op not in KEEP_SELECTION or all(_standin_of(v) is None for v in operands):
        return []
    # An offset that parameters decide moves the index to an unknown place.
    if any(isinstance(v, Unknown) and v.standin is None for v in operands):
        return []
    return tensors_of(evaluate(node, {ref: _as_standin(values[ref]) for ref in node.refs}))


def _standin_of(value: Value) -> torch.Tensor | None:
    return value.standin if isinstance(value, Unknown) else None


def _as_standin(value: Value) -> Value:
    return value if (standin := _standin_of(value)) is None else standin


def selection_step(node: Node, program: Program, values: Sequence[Value]) -> Transfer | None:
    """The flows of an op that itself selects by unknown values: element i of the result is element i of all."""
    condition = program.nodes[node.refs[-1]] if node.refs else None
    if condition is None or not condition.results or condition.selected:
        return None
    shape = condition.results[0][0]
    count = int(np.prod(shape))
    if node.op == "aten::nonzero":
        # Whether element i is selected is up to c[i]: its coordinates depend on nothing else *if it is*, and where
        # in the list they stand is what nothing may ask (guarded).
        rows = np.repeat(np.arange(count)[:, None], len(shape), axis=1)
        return _step(node, values, ((0, Take(rows, shape)),))
    if node.op == "aten::index" and _one_mask(node, program):
        table = program.nodes[node.refs[0]]
        return None if table.selected or not table.results else _masked(node, values, table.results[0][0], shape, count)
    return None


def masked_write_step(node: Node, program: Program, values: Sequence[Value]) -> Transfer | None:
    """y[c] = v under a mask that parameters decide, v one row for each row that it selects: row i of y is row i of v
    where c[i] holds, else it stays; None for any other write."""
    if node.op != "aten::index_put" or len(node.refs) != 3 or len(node.several(1)) != 1 or len(node.args) > 3:
        return None
    table, mask, value = (program.nodes[ref] for ref in node.refs)
    if not (table.results and mask.results and value.results) or mask.results[0][1] != torch.bool:
        return None
    same_selection = axes_of(value) == {0: mask.index} and not axes_of(table) and not axes_of(mask)
    shape, mask_shape = table.results[0][0], mask.results[0][0]
    # A value that broadcasts has no row of its own for each selected element; the general rule answers it.
    whole = value.results[0][0] == (int(np.prod(mask_shape)), *shape[len(mask_shape) :])
    if not same_selection or not whole or not isinstance(values[mask.index], Unknown):
        return None
    elements = np.arange(int(np.prod(shape))).reshape(shape)
    rows = np.arange(int(np.prod(mask_shape))).reshape(*mask_shape, *(1,) * (len(shape) - len(mask_shape)))
    return _step(
        node,
        values,
        (
            (0, Take(elements, shape)),
            (1, Take(np.ascontiguousarray(np.broadcast_to(rows, shape)), mask_shape)),
            (2, Take(elements, (rows.size, *shape[len(mask_shape) :]))),
        ),
    )


def _one_mask(node: Node, program: Program) -> bool:
    """True for x[mask], the mask over the first axes."""
    mask = program.nodes[node.refs[-1]].results or ()
    return len(node.several(1)) == 1 and len(node.refs) == 2 and [dtype for _, dtype in mask] == [torch.bool]


def _masked(
    node: Node, values: Sequence[Value], table: tuple[int, ...], shape: tuple[int, ...], count: int
) -> Transfer:
    numbers = np.arange(int(np.prod(table))).reshape(count, *table[len(shape) :])
    rows = np.broadcast_to(np.arange(count).reshape(count, *(1,) * (numbers.ndim - 1)), numbers.shape)
    return _step(node, values, ((0, Take(numbers, table)), (1, Take(np.ascontiguousarray(rows), shape))))


def _step(node: Node, values: Sequence[Value], flows: Flows) -> Transfer:
    assert node.results is not None
    shape, dtype = node.results[0]
    scale = largest_scale(values[ref] for ref in node.refs)
    return Transfer((unknown(shape, dtype, scale=scale),), (flows,))


def by_standin(
    node: Node,
    program: Program,
    values: Sequence[Value],
    indices: Collection[int],
    by_standin_index: Transfer,
    by_any_index: Transfer,
) -> Transfer:
    """The step of an op whose index is a selection, from those by what stands for it and by any index."""
    # A table that is a selection itself is indexed in its own, shorter count; rows of two different selections
    # have nothing to do with each other. Either way the index may name any element.
    table, *others = node.refs
    if axes_of(program.nodes[table]) or len({k for r in others for k in axes_of(program.nodes[r]).values()}) > 1:
        return by_any_index
    if node.op in LOOK_UPS:
        flows = tuple(
            _combine(node, k, o, indices) for k, o in zip(by_standin_index.flows, by_any_index.flows, strict=True)
        )
        return replace(by_any_index, flows=flows)
    return _write_back(node, values, indices, by_standin_index, by_any_index)


def _combine(node: Node, by_standin_index: Flows, by_any_index: Flows, indices: Collection[int]) -> Flows:
    """Rows come from where they stand; what selects reaches what it selects."""
    return (*by_standin_index, *(flow for flow in by_any_index if node.refs[flow[0]] in indices))


def _write_back(
    node: Node, values: Sequence[Value], indices: Collection[int], by_standin_index: Transfer, by_any_index: Transfer
) -> Transfer:
    """y[t] = v, or +=: v's row i lands where row i came from; where nothing is selected y stays as it was."""
    targets = _targets(node, values)
    if targets is None:
        return by_any_index
    # Where nothing is selected the old value stays, so it flows as it would under an unknown index.
    stay = tuple(f for f in by_any_index.flows[0] if node.refs[f[0]] == node.refs[0])
    # What is written lands where what stands for the index says: in the row that it came from.
    land = tuple(f for f in by_standin_index.flows[0] if node.refs[f[0]] != node.refs[0])
    choose = tuple(
        _chooses(node, slot, shape_of_value(values[ref]), targets)
        for slot, ref in enumerate(node.refs)
        if ref in indices
    )
    return replace(by_any_index, flows=((*stay, *land, *choose),))


def _targets(node: Node, values: Sequence[Value]) -> Numbers | None:
    """The elements of the result at which each row of a selection lands: [row, ...]."""
    assert node.results is not None
    if node.op not in WRITES_ALONG | {"aten::index_put"}:
        return None
    numbers = torch.arange(int(np.prod(node.results[0][0]))).reshape(node.results[0][0])
    indices = tensors_of([_as_standin(values[ref.index]) for ref in _indices(node)])
    if node.op in WRITES_ALONG and indices:
        axis = whole_number(node.args[1])
        return np.asarray(numbers.index_select(axis, indices[0]).movedim(axis, 0).flatten(1))
    if node.op == "aten::index_put" and len(indices) == len(_indices(node)) and all(i.ndim == 1 for i in indices):
        return np.asarray(numbers[tuple(indices)].reshape(len(indices[0]), -1))
    return None


def _indices(node: Node) -> list[Ref]:
    indices = node.several(1) if node.op == "aten::index_put" else (node.argument(2),)
    return [index for index in indices if isinstance(index, Ref)]


def _chooses(node: Node, slot: int, index: Shape, targets: Numbers) -> tuple[int, Flow]:
    assert node.results is not None
    sources = np.repeat(np.arange(len(targets)), targets.shape[1])
    return slot, Pairs(sources, targets.ravel(), index, node.results[0][0])


def guard(step: Transfer, node: Node, program: Program) -> Transfer:
    """The step, but everything flows where the op depends on the place of an element within a selection."""
    axes = {slot: tuple(axes_of(program.nodes[ref])) for slot, ref in enumerate(node.refs)}
    if not any(axes.values()):
        return step
    flows = tuple(tuple(_guard_flows(each, axes, node, program)) for each in step.flows)
    return step if flows == step.flows else replace(step, flows=flows, outputs=tuple(map(_without_facts, step.outputs)))


def _guard_flows(
    flows: Flows, axes: Mapping[int, tuple[int, ...]], node: Node, program: Program
) -> Iterator[tuple[int, Flow]]:
    for slot, flow in flows:
        spec = program.nodes[node.refs[slot]].results
        if spec and not all(_treats_alike(flow, axis, spec[0][0]) for axis in axes[slot]):
            result = node.results[0][0] if node.results else ()
            yield slot, Everything(len(spec[0][0]), len(result))
        else:
            yield slot, flow


def _without_facts(value: Output) -> Output:
    """An output of which nothing is certain, and on which no mask lies: nobody knows where its elements stand."""
    if not isinstance(value, Unknown):
        return value
    return replace(value, certain=free(len(value.shape)), offset=None, scale=value.magnitude, normal=False)


def _treats_alike(flow: Flow, axis: int, shape: tuple[int, ...]) -> bool:
    """True where a flow treats the elements along an axis alike: each by itself, or all together."""
    if isinstance(flow, Contraction):
        # A mask that tells the indices of the axis apart (cumsum, a slice) asks where an element stands. A letter
        # without such a mask is kept, or summed over: each index is treated as any other.
        letter = flow.operand[axis]
        return all(letter not in mask.axes or _is_even(mask, letter) for mask in flow.masks)
    return isinstance(flow, Everything) or (isinstance(flow, _PLACING) and flow.keeps(axis))


def _is_even(mask: Mask, letter: str) -> bool:
    """True for a mask that says the same of every index of an axis."""
    return bool(mask.allowed.shape[mask.axes.index(letter)] == 1)
