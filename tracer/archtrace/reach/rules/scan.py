"""Scans: y[t] depends on x[u] for u up to t."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple, TypeAlias

import numpy as np
import torch

from archtrace.reach.flows import Mask
from archtrace.reach.rules.contractions import Source, letters, reach
from archtrace.reach.rules.masks import scale_of_elements
from archtrace.reach.rules.registry import (
    Argument,
    Call,
    Flows,
    Operand,
    Transfer,
    numbers_of,
    rule,
    several,
    shape_of,
    unruled,
    value_of,
)
from archtrace.reach.scales import default_scale, largest_scale


@rule("cumsum", "cumprod", "cummax", "cummin", "logcumsumexp")
def scan(call: Call) -> Transfer:
    """y[.., t, ..] = f(x[.., :t + 1, ..]), along `dim`."""
    operand = call.operands[0]
    shape = operand.value.shape
    if not shape:
        return several(call, reach("", (operand, "")), _scale(call))
    names = letters(len(shape))
    axis = call.axis(len(names))
    out = names[:axis] + "Y" + names[axis + 1 :]
    return several(
        call, reach(out, (operand, names, (Mask("Y" + names[axis], np.tri(shape[axis], dtype=bool)),))), _scale(call)
    )


def _scale(call: Call) -> float:
    """A product of many may be any power of what is not ordinary."""
    return default_scale(numbers_of(call)) if call.name == "aten::cumprod" else scale_of_elements(call)


class _Walk(NamedTuple):
    """How a recurrent net goes over its input: axes t (b) of the input, T (b) of the output, b of the states.

    `forward`, `back` and `row` tell which inputs stand before, behind, and in the row of an output; `final` and
    `start` tie a packed sequence's elements to the rows of the states.
    """

    input: str
    output: str
    forward: Mask
    back: Mask
    row: tuple[Mask, ...] = ()
    final: tuple[Mask, ...] = ()
    start: tuple[Mask, ...] = ()


def _padded(call: Call) -> _Walk:
    names, out = ("bt", "bT") if call["batch_first"] else ("tb", "Tb")
    before = np.tri(call.shape[1 if call["batch_first"] else 0], dtype=bool)
    return _Walk(names, out, Mask("Tt", before), Mask("Tt", before.T))


def _packed(sizes: torch.Tensor) -> _Walk:
    """A packed sequence holds time after time those rows that still have an element."""
    # Packed: first all rows at time 0, then those that still have one at time 1, longest rows first.
    times = np.repeat(np.arange(len(sizes)), sizes.numpy())
    rows = np.concatenate([np.arange(n) for n in sizes.tolist()])
    same, before = rows[:, None] == rows[None, :], times[:, None] >= times[None, :]
    own = rows[:, None] == np.arange(int(sizes[0]))[None, :]
    return _Walk("t", "T", Mask("Tt", same & before), Mask("Tt", same & before.T), (Mask("Tt", same),),
                 (Mask("tb", own),), (Mask("Tb", own),))  # fmt: skip


#: One cell of a recurrent net: its layer and its direction.
_Cell: TypeAlias = tuple[int, int]


@rule("lstm", "gru", "rnn_tanh", "rnn_relu")
def recurrent(call: Call) -> Transfer:
    """Layers of cells over time; results: the last layer at all times, then the final states of all layers.

    One direction reads what came before, the other what comes after, a layer above two directions reads both.
    Rows stay apart, and a packed sequence has nothing but valid elements. Units within a cell mix.
    """
    if isinstance(call["batch_sizes"], Operand):
        return unruled(call, "which elements of a packed sequence stand in one row is not known")
    walk = _padded(call) if call["data"] is None else _packed(call.known("batch_sizes"))
    cells = list(product(range(call.integer("num_layers")), range(1 + bool(call["bidirectional"]))))
    output = tuple(flow for cell in cells if cell[0] == cells[-1][0] for flow in _output(call, walk, cells, cell))
    step = several(call, _final(call, walk, cells), _scale_of_cells(call))
    return Transfer(step.outputs, (output, *step.flows[1:]))


def _scale_of_cells(call: Call) -> float | None:
    """Gates and tanh hold all but the states at the start; a relu holds nothing."""
    return None if "relu" in call.name else largest_scale(map(value_of, call.listed("hx")))


def _feeds(low: _Cell, high: _Cell) -> bool:
    return low == high or low[0] < high[0]


def _parts(call: Call, cells: list[_Cell]) -> tuple[Argument, list[Argument], list[tuple[Argument, _Cell]]]:
    """The sequence, the states at the start, and each parameter with the cell that it belongs to."""
    states = call.listed("hx")
    parameters = call.listed("params")
    each = len(parameters) // len(cells)
    weights = [(weight, cells[i // each]) for i, weight in enumerate(parameters)]
    return call["input"] if call["data"] is None else call["data"], states, weights


def _output(call: Call, walk: _Walk, cells: list[_Cell], top: _Cell) -> Flows:
    """What reaches the part of the output that one cell of the last layer makes: all of it, or one half."""
    both = cells[-1][1] == 1
    width = call.shape[-1] // 2
    half = (Mask("H", np.arange(2 * width) // width == top[1]),) if both else ()
    visible = walk.row if both and top[0] else (walk.back if top[1] else walk.forward,)
    feeding = Mask("s", np.array([_feeds(cell, top) for cell in cells]))
    sequence, states, weights = _parts(call, cells)
    sources: list[Source] = [(sequence, walk.input + "x", (*half, *visible))]
    sources += [(state, "sbm", (*half, feeding, *walk.start)) for state in states]
    sources += [(w, "yz"[: len(shape_of(w))], half) for w, cell in weights if _feeds(cell, top)]
    return reach(walk.output + "H", *sources)


def _final(call: Call, walk: _Walk, cells: list[_Cell]) -> Flows:
    """What reaches the final states [cell, row, unit]."""
    feeds = np.array([[_feeds(low, high) for high in cells] for low in cells])
    sequence, states, weights = _parts(call, cells)
    sources: list[Source] = [(sequence, walk.input + "x", walk.final)]
    sources += [(state, "sbm", (Mask("sS", feeds),)) for state in states]
    sources += [(w, "yz"[: len(shape_of(w))], (Mask("S", feeds[cells.index(cell)]),)) for w, cell in weights]
    return reach("SbN", *sources)


@rule("lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell")
def cell(call: Call) -> Transfer:
    """One step of a cell: rows stay apart, units mix."""
    states = call.listed("hx")
    weights = [call[name] for name in ("w_ih", "w_hh", "b_ih", "b_hh")]
    rows: list[Source] = [(value, "bx") for value in (call["input"], *states)]
    return several(call, reach("bN", *rows, *((w, "yz"[: len(shape_of(w))]) for w in weights)), _scale_of_cells(call))
