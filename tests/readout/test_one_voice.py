"""One voice: reads, `reaching`, readouts, graph, cone and padding never contradict one another."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
import written
from test_readout_cases import ClassTokenInFront, LastByLength, ZeroedFirst

import archtrace
from archtrace.answer.kinds import KINDS, Setting, unpadded_positions
from archtrace.answer.positions import Rows
from archtrace.answer.result import LayoutResult, Readout
from archtrace.capture.inputs import layouts as lay
from archtrace.contract.contract import Contract
from archtrace.contract.examine import traced_model
from archtrace.readout.view import View
from archtrace.tracing.trace import Trace
from archtrace_reports.text import tokens

FOLDER = Path(__file__).parents[1] / "models"
NARROW = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
LIBRARY: Mapping[str, Mapping[str, Any]] = {
    "bert": NARROW,
    "roberta": NARROW,
    "gpt2": {"n_layer": 2, "n_embd": 16, "n_head": 2},
    "llama": NARROW | {"num_key_value_heads": 2},
    "bart": {
        **{f"{part}_{what}": n for part in ("encoder", "decoder") for what, n in (("layers", 1), ("ffn_dim", 16))},
        **{"d_model": 16, "encoder_attention_heads": 2, "decoder_attention_heads": 2},
    },
    "xlnet": {"d_model": 16, "n_layer": 1, "n_head": 2, "d_inner": 16},
}
HEADS = (each for each in vars(written).values() if hasattr(each, "forward") and "forward" in vars(each))
WRITTEN = {each.__name__: each for each in (LastByLength, ClassTokenInFront, ZeroedFirst, *HEADS)}
NAMES = [*sorted(file.stem for file in FOLDER.glob("[!_]*.py")), *LIBRARY, *WRITTEN]

every_model = pytest.mark.parametrize("name", NAMES)


@cache
def traced(name: str) -> Trace:
    """A trace of a tiny model, or of a small one of the library."""
    if name in LIBRARY:
        return archtrace.trace(name, overrides=LIBRARY[name])
    if name in WRITTEN:
        return archtrace.trace(WRITTEN[name]())
    expected = importlib.import_module(name).EXPECTED
    return archtrace.trace(expected.model(), inputs=expected.inputs)


def ran(name: str) -> Iterator[tuple[LayoutResult, dict[str, torch.Tensor]]]:
    """The layouts that the model runs, with their inputs as tensors."""
    for layout in traced(name).result.layouts:
        if layout.refused is None:
            yield layout, {k: torch.tensor(v) for k, v in layout.inputs.items()}


def words_of(name: str) -> lay.Vocabulary:
    """The special ids of a model."""
    found = traced(name)
    return lay.vocabulary_of(found.module if found.config is None else found.config)


def within(few: Rows, many: Rows) -> bool:
    """Whether each row lies in the other's."""
    return all(set(a) <= set(b) for a, b in zip(few, many, strict=True))


@every_model
def test_a_view_says_what_the_result_says_of_each_layout(name: str) -> None:
    for layout, inputs in ran(name):
        view = traced(name).at(**inputs)
        assert view.tokens == layout.bound.tokens, layout.name
        assert view.reads == layout.bound.reads, layout.name


@every_model
def test_what_is_read_of_a_tensor_is_what_reaches_of_it(name: str) -> None:
    """Of several read tensors each reaches by way of the others too."""
    for layout, inputs in ran(name):
        view: View = traced(name).at(**inputs)
        assert view.reaching(traced(name).analysis.ids) == view.tokens
        for tensor, rows in view.reads.items():
            if tensor in view.names:
                reached = view.reaching(tensor)
                assert within(rows, reached), (layout.name, tensor)
                assert rows == reached or len(view.reads) > 1, (layout.name, tensor)


@every_model
def test_readouts_are_of_the_tensors_that_are_read(name: str) -> None:
    tensors = {readout.tensor for readout in traced(name).readouts}
    assert all(set(layout.bound.reads) <= tensors for layout, _ in ran(name))
    for readout in traced(name).readouts:
        read = any(any(layout.bound.reads.get(readout.tensor, ())) for layout, _ in ran(name))
        assert read is (readout.kind != "none")


@every_model
def test_rows_of_the_cone_are_what_reaches_of_the_same_name(name: str) -> None:
    anatomy = traced(name).result.anatomy
    assert anatomy is not None
    layouts = {layout.name: (layout, inputs) for layout, inputs in ran(name)}
    assert [s.layout for s in anatomy.slices] == list(layouts)
    for slices in anatomy.slices:
        layout, inputs = layouts[slices.layout]
        view = traced(name).at(**inputs)
        for state, rows in zip(anatomy.states, slices.reaching, strict=True):
            if state.role == "tokens":
                assert rows == layout.bound.others.get(state.name, layout.bound.tokens)
            elif state.role in ("read", "hidden", "head") and state.name in view.names:
                assert rows == view.reaching(state.name), (slices.layout, state.name)


@every_model
def test_positions_of_the_graph_are_the_tokens_of_the_first_layout(name: str) -> None:
    layout, _ = next(ran(name))
    positions = {p for _, p in traced(name).graph.nodes(data="position") if p is not None}
    assert positions == set().union(*layout.bound.tokens)


def predicted(readout: Readout, axis: int, setting: Setting) -> list[Rows] | None:
    """The positions that a readout's kind and slice speak of, in each way to tell padding; None where they say none."""
    predict = KINDS[readout.kind].predict
    if predict is not None:
        return list(predict(setting))
    subscript = readout.slice.removeprefix(readout.tensor)
    if axis and readout.kind in ("fixed", "other") and not set(subscript) - set("[]:, -0123456789"):
        every = torch.arange(setting.length).expand(setting.rows, *(1,) * (axis - 1), setting.length)
        return [tuple(tuple(row.flatten().tolist()) for row in eval(f"every{subscript}", {"every": every}))]
    if KINDS[readout.kind].slice in (None, "nothing"):
        return None
    if "where" not in readout.slice and not re.search(r"\[.*(!= |==|mask)", readout.slice):
        return [(tuple(range(setting.length)),) * setting.rows]
    return list(unpadded_positions(setting))


def moving(rows: Rows, still: Rows) -> Rows:
    """Positions that can change."""
    return tuple(tuple(p for p in row if p not in constant) for row, constant in zip(rows, still, strict=True))


def united(ways: tuple[Rows, ...]) -> Rows:
    """What the readouts of one tensor say together."""
    return tuple(tuple(sorted(set().union(*rows))) for rows in zip(*ways, strict=True))


#: Models whose kind has no rule for its positions, an index of their own formula among them.
UNPREDICTED = {
    *("causal_attention", "first_pad", "gather_by_length", "lstm_by_length", "packed_lstm", "pad_count"),
    *("LastByLength", "AtCue", "BeforeTheMiddle", "ByTable", "LastBesideCue"),
}


@every_model
def test_the_kinds_of_a_tensors_readouts_predict_its_positions_in_every_layout(name: str) -> None:
    found, words = traced(name), words_of(name)
    for layout, inputs in ran(name):
        each = (flags for text in found.analysis.texts for flags in lay.attended_by(inputs, words, text).values())
        told = tuple(tuple(map(tuple, flags.tolist())) for flags in each)
        ids = inputs[found.analysis.ids]
        ends = () if words.eos is None or ids.ndim > 2 else ((ids == words.eos).tolist(),)
        bound = found.analysis.bounds[layout.name]
        for tensor, (node, axis) in found.analysis.reads(layout.name).items():
            rows = layout.bound.reads[tensor]
            setting = Setting(len(rows), bound.run.shape(node)[axis], told, ends)
            said = [predicted(readout, axis, setting) for readout in found.readouts if readout.tensor == tensor]
            still = bound.constant(node, axis)
            assert (None in said) is (name in UNPREDICTED), (layout.name, tensor)
            if None not in said:
                together = [moving(united(ways), still) for ways in product(*(ways or [] for ways in said))]
                assert moving(rows, still) in together, (layout.name, tensor)


@every_model
def test_padding_is_the_same_in_cone_contract_and_result(name: str) -> None:
    found, words = traced(name), words_of(name)
    anatomy = found.result.anatomy
    assert anatomy is not None
    contract = traced_model(Contract("", found.target.name), found)
    cone = {slices.layout: slices.padding for slices in anatomy.slices}
    reads_padding = set(found.result.padding.reads_padding)
    for layout, inputs in ran(name):
        flags = lay.attended(inputs, words)
        told = contract.attended(layout.name)
        assert (told is None) is (flags is None)
        padding: Rows = ((),) * len(next(iter(inputs.values())))
        if flags is not None:
            assert told == tuple(map(tuple, flags.tolist()))
            padding = tuple(tuple(p for p, flag in enumerate(row) if not flag) for row in flags.tolist())
        assert cone[layout.name] == padding
        assert tokens.padding(layout) == padding, "what the terminal draws"
        assert layout.name not in reads_padding or any(padding)
