"""Movement: results are made of the operands' elements. The op itself, run on their numbers, tells which go where."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from archtrace.capture.memory import Geometry, ViewOf
from archtrace.ops import COUNTING, LENDERS, MOVES, VIEWS
from archtrace.reach.axis_views import contiguous
from archtrace.reach.flows import Flow, Take
from archtrace.reach.marks import Shape
from archtrace.reach.rules.indexing import IRREGULAR
from archtrace.reach.rules.placing import placing_step
from archtrace.reach.rules.registry import (
    Argument,
    Call,
    Leaf,
    Operand,
    Output,
    Spec,
    Transfer,
    everything,
    leaves,
    rebuild,
    rule,
    shape_of,
    silent,
    unruled,
    value_of,
)
from archtrace.reach.values import Certain, Unknown, Value, certain_of, scale_of, unknown
from archtrace.reach.views import geometry_flow, view_fact, view_geometries

Numbers: TypeAlias = npt.NDArray[np.int64]

#: One more number stands before all others: what an op fills in by itself is zero.
_FILL = 1


@rule(*MOVES)
def movement(call: Call) -> Transfer:
    """result[o] = operand[index[o]]: run the op on the elements' numbers."""
    data = MOVES[call.name]
    others = {k: v for k, v in call.arguments.items() if k not in data and not (k == "other" and call.name in LENDERS)}
    if (
        call.indistinct
        or any(isinstance(leaf, Operand) for leaf in leaves(list(others.values())))
        or call["accumulate"]
        or call["reduce"]
    ):
        return IRREGULAR.get(call.name, _with_unknown_index)(call)
    step = _view_step(call) or placing_step(call)
    if step is not None:
        return silent(step, call.operands)
    # The op itself, run on the elements' numbers, says where each of them goes: no rule can disagree with it.
    numbers = _Numbers()
    arguments = {
        k: v if k in others else rebuild(v, numbers if k in data else _blank) for k, v in call.arguments.items()
    }
    results = replace(call, arguments=arguments).run(lambda v: v)
    counts = results[1:] if call.name in COUNTING else []
    step = numbers.step(call, results[: len(results) - len(counts)], counts)
    return silent(step, call.operands)  # operands without a flow lend their shape, or are cut off


def _view_step(call: Call) -> Transfer | None:
    """The step of a view: no number for each element is needed."""
    source = call["base"] if isinstance(call.op, ViewOf) else call["self"]
    if not isinstance(source, Operand):
        return None
    views = _geometries(call, source.value.shape)
    if not views or not all(math.prod(view.shape) for view in views):
        return None
    outputs = tuple(_view_of(source.value, g, s, call.weights_only) for g, s in zip(views, call.results, strict=False))
    return Transfer(outputs, tuple(((source.slot, geometry_flow(source.value.shape, g)),) for g in views))


def _view_of(value: Unknown, own: Geometry, spec: Spec, weights_only: bool) -> Unknown:
    certain = view_fact(value.certain, value.shape, own)
    offset = None if value.offset is None else view_fact(value.offset, value.shape, own)
    return unknown(own.shape, spec.dtype, certain, weights_only=weights_only, offset=offset, scale=value.scale)


def _geometries(call: Call, shape: Shape) -> list[Geometry] | None:
    if isinstance(call.op, ViewOf):
        own = _within(call.op.base, call.op.own)
        return [own] if own is not None else None
    if call.name not in VIEWS:
        return None
    return view_geometries(lambda base: call.run(lambda v: base if isinstance(v, Operand) else v), shape)


def _within(base: Geometry, own: Geometry) -> Geometry | None:
    """A view of a storage as a view of a contiguous tensor that holds all of it; None where it is no such one."""
    return own if base.stride == contiguous(base.shape) and base.offset == 0 else None


def _blank(value: Argument) -> torch.Tensor:
    return torch.zeros(()).expand(shape_of(value))


def _with_unknown_index(call: Call) -> Transfer:
    """The index is unknown, so any element may go anywhere; for weights without certain elements that loses nothing."""
    return everything(call) if call.indistinct else unruled(call, f"{call.name} moves by what is not known")


class _Numbers:
    """Gives each element of the moved arguments its own number, and reads the result back.

    Numbers are float64, exact up to 2**53: not every op takes integers.
    """

    def __init__(self) -> None:
        self._blocks: list[tuple[Leaf, int]] = []
        self._next = _FILL

    def __call__(self, value: Leaf) -> torch.Tensor | int | None:
        if value is None:
            return None
        start = self._next
        shape = shape_of(value)
        self._blocks.append((value, start))
        self._next += int(np.prod(shape))
        if isinstance(value, Operand | torch.Tensor):
            return torch.arange(start, self._next, dtype=torch.float64).reshape(shape)
        return start

    def step(self, call: Call, results: list[torch.Tensor], counts: list[torch.Tensor]) -> Transfer:
        table, offsets, scale = self._table(certain_of), self._table(_offset_of), self._scale()
        outputs: list[Output] = []
        flows = []
        for spec, result in zip(call.results, results, strict=False):
            numbers = result.numpy().astype(np.int64)
            offset = offsets[numbers] if offsets.any() else None
            value = unknown(
                numbers.shape, spec.dtype, table[numbers], weights_only=call.weights_only, offset=offset, scale=scale
            )
            outputs.append(value)
            flows.append(tuple(self._flows(numbers)))
        return Transfer((*outputs, *counts), (*flows, *(() for _ in counts)))

    def _flows(self, numbers: Numbers) -> Iterator[tuple[int, Flow]]:
        for value, start in self._blocks:
            if isinstance(value, Operand):
                own = (numbers >= start) & (numbers < start + value.value.size)
                if own.any():
                    yield value.slot, Take(np.where(own, numbers - start, -1), value.value.shape)

    def _table(self, fact: Callable[[Value], Certain]) -> Certain:
        """A fact of each number, such as its certain value."""
        table = np.zeros(self._next)
        for value, start in self._blocks:
            flat = np.broadcast_to(fact(value_of(value)), shape_of(value)).ravel()
            table[start : start + flat.size] = flat
        return table

    def _scale(self) -> float:
        return max(scale_of(value_of(value)) for value, _ in self._blocks)


def _offset_of(value: Value) -> Certain:
    offset = value.offset if isinstance(value, Unknown) else None
    return np.zeros(()) if offset is None else offset
