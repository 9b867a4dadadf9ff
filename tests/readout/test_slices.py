"""The slice of every readout, evaluated as it is printed, is what is read."""

from __future__ import annotations

import pytest
import torch
from slices import positions
from test_heads_people_write import Case, Parts, every_case
from test_one_voice import every_model, traced, words_of

import archtrace
from archtrace.answer.positions import Rows
from archtrace.answer.result import LayoutResult, Readout
from archtrace.capture.inputs.layouts import Vocabulary, vocabulary_of
from archtrace.tracing.trace import Trace


def names_of(words: Vocabulary, length: int) -> dict[str, int]:
    """What a slice may name beside inputs: the special ids, and s."""
    named = {"pad_token_id": words.pad, "eos_token_id": words.eos, "s": length}
    return {which: value for which, value in named.items() if value is not None}


def without(rows: Rows, still: Rows) -> Rows:
    """Positions that change: what the model itself always sets to one value shows in no run."""
    return tuple(tuple(p for p in row if p not in constant) for row, constant in zip(rows, still, strict=True))


def together(parts: list[Rows]) -> Rows:
    """What several ways take of each row."""
    return tuple(tuple(sorted(set().union(*rows))) for rows in zip(*parts, strict=True))


def taken(found: Trace, words: Vocabulary, readout: Readout, layout: LayoutResult) -> Rows | None:
    """What a slice takes in a layout."""
    analysis = found.analysis
    node, axis = analysis.reads(layout.name)[readout.tensor]
    length = analysis.bounds[layout.name].run.shape(node)[axis]
    rows = len(layout.bound.reads[readout.tensor])
    inputs = {name: torch.tensor(value) for name, value in layout.inputs.items()}
    return positions(readout, axis, length, inputs, names_of(words, analysis.length), rows)


#: Models of which no formula says the index: a packed row ends where its length is, a table holds what it holds, and a
#: weight of 1 at the first eos is no index.
UNSAID = {"packed_lstm", "ByTable", "first_eos"}


def check(found: Trace, words: Vocabulary) -> bool:
    """Of a tensor that is read in several ways, all of them together are what is read; whether all slices say it."""
    said = True
    for layout in found.result.layouts:
        places = {} if layout.refused else found.analysis.reads(layout.name)
        for tensor, place in places.items():
            parts = [taken(found, words, r, layout) for r in found.readouts if r.tensor == tensor]
            told = [part for part in parts if part is not None]
            still = found.analysis.bounds[layout.name].constant(*place)
            assert parts, (layout.name, tensor)
            said &= len(told) == len(parts)
            if len(told) == len(parts):
                read = layout.bound.reads[tensor]
                assert without(together(told), still) == without(read, still), (layout.name, tensor)
    return said


@every_model
def test_every_slice_evaluates_to_what_is_read(name: str) -> None:
    assert check(traced(name), words_of(name)) is (name not in UNSAID)


@every_case
@pytest.mark.filterwarnings("ignore:flex_attention called without")
def test_slices_of_heads_that_once_went_wrong_evaluate(case: Case) -> None:
    module = Parts(case.head)
    check(archtrace.trace(module), vocabulary_of(module))
