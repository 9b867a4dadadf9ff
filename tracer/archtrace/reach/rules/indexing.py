"""Indexing where elements do not simply move: the index is not known, or what is written adds up.

Under an unknown index any element along the indexed axes may be the one that is taken. Routing (a token choosing
the experts' weights), hashing and sorting work this way. Along the other axes all stays where it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch

from archtrace.ops import FLAT_INDEX, PRODUCT_MODES, SEARCHES
from archtrace.reach.flows import Contraction, Everything, Flow, Mask, Pairs
from archtrace.reach.marks import Marks, Shape
from archtrace.reach.rules.contractions import LETTERS, SPARE, broadcast_axes, letters, reach
from archtrace.reach.rules.masks import scale_of_elements
from archtrace.reach.rules.registry import (
    Argument,
    Call,
    Operand,
    Transfer,
    everything,
    numbers_of,
    numel,
    rule,
    shape_of,
    single,
    unruled,
    value_of,
)
from archtrace.reach.scales import default_scale, largest_scale, scale_of_weighted_sum
from archtrace.reach.values import Unknown, certain_of, known_tensor


@rule("embedding")
def embedding(call: Call) -> Transfer:
    """embedding(table, ids)[*i, d] = table[ids[*i], d]."""
    out = letters(len(call.shape))
    ids = call["indices"]
    known = _index_mask(ids, _length(call["weight"]), "V", out[:-1]) if isinstance(ids, torch.Tensor) else ()
    flows = reach(out, (call["weight"], "V" + out[-1], known), (ids, out[:-1]))
    return single(call, flows, scale=largest_scale([call.value("weight")]))


def _index_mask(index: torch.Tensor, size: int, axis: str, names: str) -> tuple[Mask, ...]:
    """The mask that lets index i of `axis` through where the known index says i."""
    numbers = np.arange(size).reshape(-1, *(1,) * index.ndim)
    return (Mask(axis + names, numbers == (index % size).numpy()[None]),)


@rule("embedding_bag")
def embedding_bag(call: Call) -> Transfer:
    """embedding_bag(table, ids, offsets)[b, d]: table[ids[n], d] over offsets[b] <= n < offsets[b + 1].

    Its other results are the bounds of the bags and, for a maximum, the places of the maxima.
    """
    ids, offsets, weights, size = call["indices"], call["offsets"], call["per_sample_weights"], _length(call["weight"])
    padded = call["padding_idx"] is not None
    if not isinstance(offsets, torch.Tensor) or len(shape_of(ids)) != 1 or (padded and isinstance(ids, Operand)):
        return unruled(call, "which ids lie in which bag is not known")
    inside = _bags(offsets, shape_of(ids)[0], call.shape[0], weights)
    if padded:  # pads lie in no bag
        inside = inside & (call.known("indices") != call.integer("padding_idx") % size).numpy()[:, None]
    members = (Mask("Na", inside),)
    rows: tuple[Mask, ...] = ()
    if isinstance(ids, torch.Tensor):
        looked_up = ids.numpy()[None] == np.arange(size)[:, None]
        rows = (Mask("Va", looked_up @ inside),)
    flows = reach("ab", (call["weight"], "Vb", rows), (ids, "N", members), (weights, "N", members))
    step, others = (
        single(call, flows, scale=scale_of_weighted_sum(map(value_of, (call["weight"], weights)))),
        everything(call, 1.0),
    )
    return Transfer(
        (step.outputs[0], *others.outputs[1:]), (flows, (), (), others.flows[3] if call["mode"] == 2 else ())
    )


def _length(table: Argument) -> int:
    return shape_of(table)[0]


def _bags(offsets: torch.Tensor, count: int, bags: int, weights: Argument) -> Marks:
    """Which of `count` ids lie in which bag, those left out whose weight is known to be zero."""
    starts = offsets.numpy().astype(np.int64)[:bags]
    bag = np.searchsorted(starts, np.arange(count), side="right") - 1
    inside = bag[:, None] == np.arange(bags)
    weighted = certain_of(weights) != 0 if isinstance(weights, torch.Tensor) else np.ones(count, dtype=bool)
    return np.asarray(inside & weighted[:, None])


@rule(*SEARCHES)
def lookup(call: Call) -> Transfer:
    """Each value is looked up in a sorted row: the one that stands where it stands, or one for all."""
    values, table = (call[n] for n in SEARCHES[call.name])
    out = letters(len(call.shape))
    rank = len(shape_of(table))
    rows = out[:-1] if call.name == "aten::searchsorted" and rank > 1 else ""
    row_axes = rows + SPARE[: rank - len(rows)]
    flows = reach(out, (values, out[: len(shape_of(values))]), (table, row_axes), (call["sorter"], row_axes))
    return single(call, flows, scale=1.0)


@rule("bincount", "histc")
def counted(call: Call) -> Transfer:
    """Any element may be counted in any place."""
    return everything(call, largest_scale([call.value("weights")]))


@rule("_unique2")
def distinct(call: Call) -> Transfer:
    """The distinct values in order, and which of them each element is: one more below the others moves them all."""
    return everything(call, scale_of_elements(call))


@rule("one_hot")
def one_hot(call: Call) -> Transfer:
    """one_hot(x)[*i, c] = (x[*i] == c)."""
    out = letters(len(call.shape))
    return single(call, reach(out, (call["self"], out[:-1])), scale=1.0)


# -- an unknown index ------------------------------------------------------------------------------------------


def _along(call: Call) -> Transfer:
    """gather and its like: result[.., i, ..] = table[.., index[.., i, ..], ..] along `dim`."""
    index = call["indices"] if call["index"] is None else call["index"]
    # Any element along the axis may be taken; along the others each stays where it is.
    table, rank = call["self"], len(call.shape)
    if call["dim"] is None or not rank or len(shape_of(table)) != rank:
        return everything(call, scale_of_elements(call))  # a table that is flat, or one element
    out = letters(rank)
    axis = call.axis(rank)
    axes, masks = _beside(shape_of(table), call.shape, out, axis)
    flat = len(shape_of(index)) != rank or call.name in FLAT_INDEX
    # index_select has one index for a whole slice, gather one for each element.
    index_axes = out[axis] * len(shape_of(index)) if flat else broadcast_axes(shape_of(index), call.shape)
    return single(call, reach(out, (table, axes, masks), (index, index_axes)), scale=scale_of_elements(call))


def _beside(shape: Shape, result: Shape, out: str, axis: int) -> tuple[str, tuple[Mask, ...]]:
    """Axes of a tensor beside another one: any index along `axis`, the same one along the rest, where it exists."""
    axes, masks = "", []
    for i, (size, length) in enumerate(zip(shape, result, strict=True)):
        axes += out[i] if i != axis and size == length else SPARE[i]
        if i != axis and size not in (length, 1):
            masks.append(Mask(SPARE[i] + out[i], np.eye(size, length, dtype=bool)))
    return axes, tuple(masks)


def _write_along(call: Call) -> Transfer:
    """scatter and its like: result = x, but along `dim` anything may land anywhere."""
    rank = len(call.shape)
    if not rank:
        return everything(call, _scale_of_write(call))
    out = letters(rank)
    flows: list[tuple[int, Flow]] = []
    for name in ("self", "index", "src", "source", "value"):
        value = call[name]
        if not isinstance(value, Operand):
            continue
        if name == "self":
            flow: Flow = Contraction(out, out)
        elif len(value.value.shape) != rank:
            flow = Everything(len(value.value.shape), rank)
        else:
            axes, masks = _beside(value.value.shape, call.shape, out, call.axis(rank))
            flow = Contraction(axes, out, masks + _within(value.value.shape, shape_of(call["index"]), axes))
        flows.append((value.slot, flow))
    return single(call, tuple(flows), scale=_scale_of_write(call))


def _scale_of_write(call: Call) -> float:
    """What is written over or added up spreads as its parts do; multiplied, as any power of them."""
    multiplied = call["reduce"] in PRODUCT_MODES
    return default_scale(numbers_of(call)) if multiplied else scale_of_elements(call)


def _within(shape: Shape, region: Shape, axes: str) -> tuple[Mask, ...]:
    """Of a source larger than the index, what lies beyond is not looked at."""
    sizes = zip(axes, shape, region, strict=True) if len(shape) == len(region) else ()
    return tuple(Mask(a, np.arange(n) < m) for a, n, m in sizes if n > m)


def _places(indices: Sequence[Argument]) -> tuple[list[int], Shape, bool]:
    """Which axes are indexed, the shape that the indices have together, and whether they stand side by side."""
    places = [axis for axis, index in enumerate(indices) if index is not None]
    block = np.broadcast_shapes(*(shape_of(indices[axis]) for axis in places))
    return places, block, places == list(range(places[0], places[-1] + 1))


def _indexed(call: Call, shape: Shape, own: str, other: str) -> Iterator[tuple[Argument, str, tuple[Mask, ...]]]:
    """Each index: its axes within those of x[indices] (named `own`), and the mask that ties it to x's when known."""
    indices = call.listed("indices")
    places, block, _ = _places(indices)
    for axis in places:
        index = indices[axis]
        names = broadcast_axes(shape_of(index), block, own)
        hits = _index_mask(index, shape[axis], other[axis], names) if isinstance(index, torch.Tensor) else ()
        yield index, names, hits


def _frame(call: Call, shape: Shape, new: str, rest: str) -> tuple[str, str, str]:
    """Letters of the indices' block, of x, and of x[indices]: indexed axes of x have letters of their own."""
    places, block, adjacent = _places(call.listed("indices"))
    own = new[: len(block)]
    table = "".join(SPARE[10 + i] if i in places else rest[i] for i in range(len(shape)))
    others = [table[i] for i in range(len(shape)) if i not in places]
    start = places[0] if adjacent else 0
    return own, table, "".join([*others[:start], own, *others[start:]])


def _boolean(call: Call) -> bool:
    indices = map(value_of, call.listed("indices"))
    return any(i.dtype in (torch.bool, torch.uint8) for i in indices if isinstance(i, Unknown | torch.Tensor))


def _index(call: Call) -> Transfer:
    """x[i, j, :] with unknown i: its axis of x is read whole, a known j ties its axis to where it stands."""
    if _boolean(call):
        return unruled(call, "a mask that is not known selects")
    shape = shape_of(call["self"])
    own, table, out = _frame(call, shape, LETTERS[13:], LETTERS)
    indices = list(_indexed(call, shape, own, table))
    masks = tuple(m for _, _, hits in indices for m in hits)
    flows = reach(out, (call["self"], table, masks), *((i, axes) for i, axes, _ in indices))
    return single(call, flows, scale=scale_of_elements(call))


def _index_put(call: Call) -> Transfer:
    """x[i, j, :] = v with unknown i: v may land anywhere along i's axis, a known j tells where along its own."""
    if call["accumulate"] and not any(isinstance(i, Operand) for i in call.listed("indices")):
        return _accumulated(call)
    if _boolean(call):
        return _put_where(call)
    own, out, written = _frame(call, call.shape, LETTERS[13:], LETTERS)
    indices = list(_indexed(call, call.shape, own, out))
    masks = tuple(m for _, _, hits in indices for m in hits)
    places, block, adjacent = _places(call.listed("indices"))
    rest = [n for axis, n in enumerate(call.shape) if axis not in places]
    start = places[0] if adjacent else 0
    values = broadcast_axes(shape_of(call["values"]), (*rest[:start], *block, *rest[start:]), written)
    written_by = reach(out, (call["values"], values, masks), *((i, axes, masks) for i, axes, _ in indices))
    return single(call, reach(out, (call["self"], out)) + written_by, scale=scale_of_elements(call))


def _put_where(call: Call) -> Transfer:
    """x[:, mask, :] = v with an unknown mask: v lands where the mask may hold, the axes beside the mask's are kept.

    Which row of v lands at i depends on how often the mask holds before i, so that all of the mask reaches all of its
    axes; a v without rows lands alike wherever the mask holds.
    """
    indices = call.listed("indices")
    places = [axis for axis, index in enumerate(indices) if index is not None]
    if len(places) != 1:
        return unruled(call, "a mask that is not known selects beside another index")
    axis, out = places[0], letters(len(call.shape))
    mask, values = indices[axis], call["values"]
    end = axis + len(shape_of(mask))
    rest = call.shape[end:]
    rows = len(shape_of(values)) > len(rest)  # also a single one: another mask may leave more
    axes = broadcast_axes(shape_of(values), (*call.shape[:axis], 1, *rest), out[:axis] + SPARE[10] + out[end:])
    where = SPARE[11 : 11 + end - axis] if rows else out[axis:end]
    return single(call, reach(out, (call["self"], out), (values, axes), (mask, where)), scale=scale_of_elements(call))


# -- a known index, and what is written adds up ----------------------------------------------------------------


def _numbers(shape: Shape) -> torch.Tensor:
    return torch.arange(numel(shape)).reshape(shape)


def _accumulated(call: Call) -> Transfer:
    """index_put with accumulate: result[indices] = x[indices] + values."""
    indices = [slice(None) if index is None else known_tensor(index) for index in call.listed("indices")]
    targets = _numbers(call.shape)[tuple(indices)]
    return _landing_step(call, call["values"], _numbers(shape_of(call["values"])).broadcast_to(targets.shape), targets)


@rule("scatter_add", "scatter_reduce", "index_add", "index_reduce")
def collect(call: Call) -> Transfer:
    """result[.., index[.., i, ..], ..] = f(x[same], source[.., i, ..], ..), along `dim`."""
    index, source = call["index"], call["source"] if call["src"] is None else call["src"]
    if not isinstance(index, torch.Tensor) or not call.shape:
        return _write_along(call)
    numbers = _numbers(shape_of(source))
    if call.name in FLAT_INDEX:
        # Of rows whose number parameters decide the shape says nothing.
        if numbers.ndim and numbers.shape[call.integer("dim")] != index.numel():
            return unruled(call, "how many rows there are is not known")
        return _landing_step(call, source, numbers, _numbers(call.shape).index_select(call.integer("dim"), index))
    region = numbers[tuple(slice(n) for n in index.shape)]
    return _landing_step(call, source, region, _numbers(call.shape).gather(call.integer("dim"), index))


def _landing_step(call: Call, source: Argument, numbers: torch.Tensor, targets: torch.Tensor) -> Transfer:
    out = letters(len(call.shape))
    own: tuple[Mask, ...] = ()
    if call["include_self"] is False:
        own = (Mask(out, ~np.isin(np.arange(numel(call.shape)), targets.numpy()).reshape(call.shape)),)
    flows = reach(out, (call["self"], out, own))
    if isinstance(source, Operand):
        pairs = Pairs(numbers.reshape(-1).numpy(), targets.reshape(-1).numpy(), source.value.shape, call.shape)
        # Several elements may land on one: each of them is in what comes out.
        flows += ((source.slot, pairs),)
    return single(call, flows, scale=_scale_of_write(call))


def _take(call: Call) -> Transfer:
    """result[i] = table[index[i]], the table counted through: any of its elements may be taken."""
    out = letters(len(call.shape))
    return single(
        call,
        reach(out, (call["self"], SPARE[: len(shape_of(call["self"]))]), (call["index"], out)),
        scale=scale_of_elements(call),
    )


def _scatter(call: Call) -> Transfer:
    """scatter with `reduce` collects; without it, an unknown index may write anywhere along `dim`."""
    known = isinstance(call["index"], torch.Tensor) and call["src"] is not None
    return collect(call) if known else _write_along(call)


#: Movements whose index is not known, or that add where they write.
IRREGULAR: dict[str, Callable[[Call], Transfer]] = {
    "aten::gather": _along,
    "aten::take_along_dim": _along,
    "aten::index_select": _along,
    "aten::take": _take,
    "aten::index": _index,
    "aten::index_put": _index_put,
    "aten::scatter": _scatter,
    "aten::index_copy": _write_along,
}
