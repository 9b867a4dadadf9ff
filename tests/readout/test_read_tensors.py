"""Read tensors: where the walk back from the logits stops, each row a small model and what it reads by hand."""

from __future__ import annotations

import pytest
import torch
from small_analyses import LENGTH, Head, TinyClassifier, analysis_of, bound_of
from torch import Tensor, nn

from archtrace.answer.work import ModuleWork, Work
from archtrace.reach.bound import bound_of_all_outputs
from archtrace.reach.flops import Flops
from archtrace.readout.accesses import accesses_of
from archtrace.readout.graph import build_graph
from archtrace.readout.layer_work import layer_of, work
from archtrace.readout.tensors import calls, chain_of, dominators, field_of, labels


class Attending(nn.Module):
    """Keys, values and queries of one hidden state, and what they make of it."""

    def __init__(self) -> None:
        super().__init__()
        self.keys, self.values, self.queries = (nn.Linear(8, 8) for _ in range(3))

    def forward(self, hidden: Tensor) -> Tensor:
        return nn.functional.scaled_dot_product_attention(
            self.queries(hidden)[:, :1], self.keys(hidden), self.values(hidden)
        ).squeeze(1)


class WithParts(TinyClassifier):
    """The same model with modules for its heads to call."""

    def __init__(self, head: Head) -> None:
        super().__init__(head)
        self.attending, self.left, self.right, self.drop = (
            Attending(), nn.Linear(8, 8), nn.Linear(8, 8), nn.Dropout(),
        )  # fmt: skip


#: A head -> the names of what it reads, and for each of them the positions.
READ: dict[str, tuple[Head, dict[str, tuple[int, ...]]]] = {
    "the nearest output": (lambda m, h, i, a: m.left(h)[:, 1], {"left": (1,)}),
    "two of their own": (
        lambda m, h, i, a: m.left(h.cumsum(1))[:, 0] + m.right(h.flip(1))[:, 1],
        {"left": (0,), "right": (1,)},
    ),
    "two that one state feeds position by position": (
        lambda m, h, i, a: m.left(h)[:, 0] + m.right(h)[:, 1],
        {"mix": (0, 1)},
    ),
    "keys, values and queries": (lambda m, h, i, a: m.attending(h), {"mix": (0, 1, 2, 3, 4)}),
    "one that is called twice": (
        lambda m, h, i, a: m.left(h.cumsum(1))[:, 0] + m.left(h.flip(1))[:, 2],
        {"left (call 1)": (0,), "left (call 2)": (2,)},
    ),
    "a vector has no positions": (lambda m, h, i, a: m.right(m.left(h)[:, 3]), {"left": (3,)}),
}


@pytest.mark.parametrize("name", READ)
def test_the_tensors_that_are_read(name: str) -> None:
    head, read = READ[name]
    analysis = analysis_of(head, WithParts)
    assert analysis.positions["full"].reads == {tensor: (own,) * 2 for tensor, own in read.items()}


def test_all_ways_go_through_what_dominates() -> None:
    """Of two ways that meet again the nearest node on both is where they part."""
    found = bound_of(TinyClassifier(lambda m, h, i, a: (h.tanh() + h.sigmoid().exp())[:, 0]))
    ops = {node.op.removeprefix("aten::"): node.index for node in found.program.nodes}
    dominator = dominators(found)
    assert dominator[ops["exp"]] == ops["sigmoid"]
    assert dominator[ops["tanh"]] == dominator[ops["sigmoid"]] == dominator[ops["add"]]
    chain = [found.program.nodes[i].op for i in chain_of(dominator, ops["select"]) if i >= 0]
    assert chain[:3] == ["aten::select", "aten::add", "aten::linear"]


def test_each_position_along_an_axis_has_a_label_of_its_own() -> None:
    marks = labels(3, 1, 4)
    assert marks.shape == (1, 4, 1, 4)
    assert marks[0, :, 0].tolist() == [[i == j for j in range(4)] for i in range(4)]


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("last_hidden_state", "last_hidden_state"),
        ("bert.hidden_states[3]", "hidden_states"),
        ("model.encoder_last_hidden_state", "encoder_last_hidden_state"),
        ("bert.encoder.layer.3", ""),
        ("logits", ""),
    ],
)
def test_the_field_that_a_name_ends_in(name: str, field: str) -> None:
    assert field_of(name) == field


def test_calls_are_numbered_only_where_there_are_several() -> None:
    found = bound_of(WithParts(lambda m, h, i, a: m.drop(m.left(m.left(h)))[:, 0]))
    assert [name for name in calls(found.program) if name.startswith(("left", "drop", "mix"))] == [
        "left (call 1)",
        "left (call 2)",
    ]


#: A head -> how many ways there are, each by its op.
WAYS: list[tuple[Head, list[str]]] = [
    (lambda m, h, i, a: h[:, 0] + h.mean(1), ["aten::select", "aten::mean"]),
    (lambda m, h, i, a: h[:, 0], []),
    (lambda m, h, i, a: h[:, 0] + h[:, 1], ["aten::select", "aten::select"]),
    # Five are a loop over positions, and no ways.
    (lambda m, h, i, a: h[:, 0] + h[:, 1] + h[:, 2] + h[:, 3] + h[:, 4], []),
]


@pytest.mark.parametrize(("head", "ops"), WAYS)
def test_the_ways_in_which_a_tensor_is_read(head: Head, ops: list[str]) -> None:
    found = accesses_of("mix", [analysis_of(head)])
    assert [op for op, *_ in found] == ops
    assert len(set(found)) == len(found), "each is told from the others"


@pytest.mark.parametrize(
    ("path", "layer"),
    [
        ("bert.encoder.layer.11.output.dense", "bert.encoder.layer.11"),
        ("h.0", "h.0"),
        ("bert.pooler.dense", "bert.pooler"),
        ("score", "score"),
        ("", ""),
    ],
)
def test_the_layer_that_a_module_is_part_of(path: str, layer: str) -> None:
    assert layer_of(path) == layer


def test_work_that_reaches_nothing_is_counted() -> None:
    """A product of n x k and k x m numbers is 2 n k m FLOPs. Of 10 positions that `mix` computes 2 are read, and its
    2 * 10 * 8 * 8 = 1280 are four fifths in vain; the score of 2 * 2 * 8 * 2 = 64 is not."""
    analysis = analysis_of(lambda m, h, i, a: h[:, 0])
    whole = bound_of_all_outputs(analysis.interpreter, analysis.bounds["full"])
    assert work(whole, Flops()) == Work(1344, 1024, (ModuleWork("mix", 1280, 1024),))
    analysis = analysis_of(lambda m, h, i, a: h.mean(1))
    whole = bound_of_all_outputs(analysis.interpreter, analysis.bounds["full"])
    assert work(whole, Flops()) == Work(1344, 0, ())


def test_the_graph_leads_from_the_positions_that_reach_to_the_logits() -> None:
    graph = build_graph(analysis_of(lambda m, h, i, a: h[:, 0] + h[:, 2] * 0))
    positions = {name for name, kind in graph.nodes(data="kind") if kind == "position"}
    assert positions == {"input_ids[:, 0]"}
    ops = ["input_ids[:, 0]"]
    while following := list(graph.successors(ops[-1])):
        ops.append(following[0])
    assert [graph.nodes[name]["op"] for name in ops[2:]] == [
        "aten::embedding", "aten::linear", "aten::select", "aten::add", "aten::linear",
    ]  # fmt: skip
    assert ops[-1] == graph.graph["logits"]
    assert graph.nodes[ops[3]]["outputs"] == ("mix",)
    assert graph.nodes[ops[3]]["shape"] == torch.Size([2, LENGTH, 8])
