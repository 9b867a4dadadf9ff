"""How a tensor is selected from: the ops at which its positions end, how they are joined, and the subscript."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from small_analyses import LENGTH, Head, analysis_of
from torch.nn import functional as f

from archtrace.ops import plain
from archtrace.readout.analysis import Analysis
from archtrace.readout.selection import (
    Selection,
    ends,
    find_selection,
    index_of,
    paths,
    pooling,
    subscripts,
    within_slice,
)


class Known(NamedTuple):
    """What is known of a head: the ops of its selection, how positions are joined, its subscript and its inputs."""

    head: Head
    ops: str
    joined: str
    subscript: str = ""
    inputs: tuple[str, ...] = ()


HEADS: dict[str, Known] = {
    "an index": Known(lambda m, h, i, a: h[:, 0], "select", "all", "[:, 0]"),
    "the last index": Known(lambda m, h, i, a: h[:, -1], "select", "all", "[:, -1]"),
    "an index by the mask": Known(
        lambda m, h, i, a: h[torch.arange(2), a.sum(1) - 1],
        "index",
        "all",
        "[:, sum(attention_mask) - 1]",
        ("attention_mask",),
    ),
    "a gather by an id": Known(
        lambda m, h, i, a: h.gather(1, (i == 2).int().argmax(1)[:, None, None].expand(-1, 1, 8).long()).squeeze(1),
        "gather squeeze",
        "all",
        "[:, argmax(input_ids == eos_token_id)]",
        ("input_ids",),
    ),
    "flags": Known(
        lambda m, h, i, a: h[i == 2].view(2, 8), "index view", "all", "[input_ids == eos_token_id]", ("input_ids",)
    ),
    "a mean": Known(lambda m, h, i, a: h.mean(1), "mean", "mean"),
    "a sum": Known(lambda m, h, i, a: h.sum(1), "sum", "all"),
    "a sum, divided": Known(
        lambda m, h, i, a: (h * a[..., None]).sum(1) / a.sum(1, keepdim=True),
        "sum div",
        "mean",
        inputs=("attention_mask",),
    ),
    "a product with weights that add up to one": Known(
        lambda m, h, i, a: torch.full((2, 1, 5), 0.2) @ h, "matmul", "mean"
    ),
    "a product with other weights": Known(lambda m, h, i, a: torch.full((2, 1, 5), 0.5) @ h, "matmul", "all"),
    "a maximum": Known(lambda m, h, i, a: h.amax(1), "amax", "max"),
    "a pool": Known(lambda m, h, i, a: f.max_pool1d(h.mT, 5).squeeze(-1), "max_pool1d squeeze", "max"),
    "a weighing": Known(lambda m, h, i, a: (h[..., :1].softmax(1) * h).sum(1), "sum", "attention"),
    # Over features a softmax weighs no position.
    "a softmax over features": Known(lambda m, h, i, a: h.softmax(-1).sum(1), "sum", "all"),
}

every_head = pytest.mark.parametrize("name", HEADS)


def selected(analysis: Analysis) -> Selection:
    """The selection from the one tensor that is read."""
    (tensor,) = analysis.tensors("full")
    assert tensor.name == "mix"
    return find_selection(analysis.bounds["full"], tensor, LENGTH)


@every_head
def test_the_ops_at_which_positions_end(name: str) -> None:
    chosen = selected(analysis_of(HEADS[name].head))
    assert " ".join(plain(node.op) for node in chosen.ops) == HEADS[name].ops
    assert chosen.first is chosen.ops[0]
    assert paths(chosen.after) == (("score", "linear"),)


@every_head
def test_how_positions_are_joined(name: str) -> None:
    analysis = analysis_of(HEADS[name].head)
    assert pooling(selected(analysis), analysis.bounds["full"], analysis.interpreter) == HEADS[name].joined


@every_head
def test_the_subscript_and_what_it_looks_at(name: str) -> None:
    analysis, known = analysis_of(HEADS[name].head), HEADS[name]
    chosen, found = selected(analysis), analysis.bounds["full"]
    assert subscripts(chosen, found, {2: "eos_token_id", 0: "pad_token_id"}) == known.subscript
    assert index_of(chosen, found, "other", {}).depends_on == known.inputs


def test_an_index_at_an_end_is_written_as_its_kind_has_it() -> None:
    analysis = analysis_of(HEADS["the last index"].head)
    chosen, found = selected(analysis), analysis.bounds["full"]
    assert index_of(chosen, found, "last", {}).expression == "-1"
    assert index_of(chosen, found, "first", {}).expression == "0"


#: A head that reads in several ways -> the ops at which each ends.
ENDS: list[tuple[Head, set[str]]] = [
    (lambda m, h, i, a: h[:, 0] + h.mean(1), {"select", "mean"}),
    (lambda m, h, i, a: torch.cat([h[:, 0, :4], h.amax(1)[:, :4]], -1), {"select", "amax"}),
    (lambda m, h, i, a: h[:, 0], {"select"}),
    # A sum that is spread over the positions again ends nothing.
    (lambda m, h, i, a: (h / (1 + h.abs().sum(1, keepdim=True)))[:, 0], {"select"}),
]


@pytest.mark.parametrize(("head", "ops"), ENDS)
def test_each_way_ends_at_an_op_of_its_own(head: Head, ops: set[str]) -> None:
    analysis = analysis_of(head)
    (tensor,) = analysis.tensors("full")
    found = ends(analysis.bounds["full"], tensor, LENGTH)
    assert {plain(node.op) for node in found} == ops
    for node in found:
        own = find_selection(analysis.bounds["full"], tensor, LENGTH, end=node.index)
        assert own.first is node


def test_a_part_of_the_positions_is_joined_as_the_part_is() -> None:
    """Where a slice leaves four of five, the axis ends; what follows is a mean of these."""
    analysis = analysis_of(lambda m, h, i, a: h[:, 1:].mean(1))
    chosen, found = selected(analysis), analysis.bounds["full"]
    assert [plain(node.op) for node in chosen.ops] == ["slice"]
    assert pooling(chosen, found, analysis.interpreter) == "all"
    inner = within_slice(chosen, found)
    assert [plain(node.op) for node in inner.ops] == ["mean"]
    assert pooling(inner, found, analysis.interpreter) == "mean"
    whole = selected(analysis_of(HEADS["a mean"].head))
    assert within_slice(whole, found) is whole


def test_ops_before_the_selection_are_not_of_it() -> None:
    """All positions are changed and moved; then one is picked."""
    chosen = selected(analysis_of(lambda m, h, i, a: h.tanh().flip(1)[:, 0]))
    assert [plain(node.op) for node in chosen.before] == ["tanh", "flip"]
    assert [plain(node.op) for node in chosen.ops] == ["select"]
    assert [plain(node.op) for node in chosen.after] == ["linear"]
    assert paths(chosen.after) == (("score", "linear"),)
