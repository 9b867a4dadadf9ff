"""The slice of every readout, evaluated as it is printed, is what is read."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from slices import positions
from test_one_voice import every_model, ran, traced, words_of

from archtrace.answer.positions import Rows
from archtrace.answer.result import LayoutResult, Readout


def names_of(name: str, length: int) -> dict[str, int]:
    """What a slice may name beside inputs: the special ids, and s."""
    words = words_of(name)
    named = {"pad_token_id": words.pad, "eos_token_id": words.eos, "s": length}
    return {which: value for which, value in named.items() if value is not None}


def without(rows: Rows, still: Rows) -> Rows:
    """Positions that change: what the model itself always sets to one value shows in no run."""
    return tuple(tuple(p for p in row if p not in constant) for row, constant in zip(rows, still, strict=True))


def together(parts: list[Rows]) -> Rows:
    """What several ways take of each row."""
    return tuple(tuple(sorted(set().union(*rows))) for rows in zip(*parts, strict=True))


def taken(name: str, readout: Readout, layout: LayoutResult, inputs: Mapping[str, torch.Tensor]) -> Rows | None:
    """What a slice takes in a layout."""
    found = traced(name).study
    node, axis = found.reads(layout.name)[readout.tensor]
    length = found.bounds[layout.name].run.shape(node)[axis]
    rows = len(layout.bound.reads[readout.tensor])
    return positions(readout, axis, length, inputs, names_of(name, found.length), rows)


@every_model
def test_every_slice_evaluates_to_what_is_read(name: str) -> None:
    """Of a tensor that is read in several ways, all of them together."""
    found = traced(name)
    for layout, inputs in ran(name):
        for tensor, place in found.study.reads(layout.name).items():
            parts = [taken(name, r, layout, inputs) for r in found.readouts if r.tensor == tensor]
            told = [part for part in parts if part is not None]
            still = found.study.bounds[layout.name].constant(*place)
            if len(told) == len(parts) > 0:
                read = layout.bound.reads[tensor]
                assert without(together(told), still) == without(read, still), (layout.name, tensor)
