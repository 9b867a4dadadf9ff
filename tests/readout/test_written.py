"""Indices written out in terms of the inputs: each row an index as code has it, and as a person would write it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from slices import FUNCTIONS
from small_analyses import IDS, LAYOUT, MASK, bound_of
from torch import Tensor, nn

from archtrace.capture.program import Node, Ref
from archtrace.reach.bound import Bound
from archtrace.readout.expression import Printer, at_any_length, evaluates, inputs_behind, numbers_near

NAMES = {0: "pad_token_id", 2: "eos_token_id"}
#: A position for each row, from ids and mask.
Index = Callable[[Tensor, Tensor], Tensor]


class Picking(nn.Module):
    """One state a row, at an index."""

    def __init__(self, index: Index) -> None:
        super().__init__()
        self.embed, self.score, self.index = nn.Embedding(32, 8), nn.Linear(8, 2), index

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        at = self.index(input_ids, attention_mask)
        logits: Tensor = self.score(self.embed(input_ids)[torch.arange(2), at])
        return logits


def picked(index: Index) -> tuple[Bound, Node]:
    """The bound of a model with an index, and the node that picks by it."""
    found = bound_of(Picking(index))
    return found, next(node for node in found.program.nodes if node.op == "aten::index" and node.results)


#: An index -> how it is written.
WRITTEN: list[tuple[Index, str]] = [
    (lambda i, a: a.sum(1) - 1, "sum(attention_mask) - 1"),
    (lambda i, a: (i != 0).sum(-1) - 1, "sum(input_ids != pad_token_id) - 1"),
    (lambda i, a: (i == 0).int().argmax(-1) - 1, "argmax(input_ids == pad_token_id) - 1"),
    (lambda i, a: (i == 2).int().argmax(-1), "argmax(input_ids == eos_token_id)"),
    (lambda i, a: (i == 7).int().argmax(-1), "argmax(input_ids == 7)"),
    (lambda i, a: (torch.arange(5) * a).argmax(-1), "argmax(arange(s) * attention_mask)"),
    (lambda i, a: (torch.arange(5) * (i != 0)).argmax(-1), "argmax(arange(s) * (input_ids != pad_token_id))"),
    (lambda i, a: a.sum(1).clamp(max=3) - 1, "min(sum(attention_mask), 3) - 1"),
    (lambda i, a: a.sum(1).clamp(1, 3) - 1, "clamp(sum(attention_mask), 1, 3) - 1"),
    (lambda i, a: (a.sum(1) - 1) // 2, "(sum(attention_mask) - 1) // 2"),
    (lambda i, a: a.flip(1).argmax(1), "argmax(flip(attention_mask))"),
    (lambda i, a: 4 - a.flip(1).argmax(1), "4 - argmax(flip(attention_mask))"),
    (
        lambda i, a: (a[:, 1:] * i[:, 1:].ne(2)).sum(1),
        "sum(attention_mask[:, 1:] * (input_ids[:, 1:] != eos_token_id))",
    ),
    # What stands behind a sign, or in front of a bracket, is set apart from it.
    (lambda i, a: (~(i == 0)).sum(1) - 1, "sum(~(input_ids == pad_token_id)) - 1"),
    (
        lambda i, a: (~(a == 0) & (i == 2)).int().argmax(1),
        "argmax(~(attention_mask == 0) & (input_ids == eos_token_id))",
    ),
    (lambda i, a: 5 + -(a.flip(1).argmax(1) + 1), "-(argmax(flip(attention_mask)) + 1) + 5"),
    (lambda i, a: (a * 2)[:, 1:3].sum(1), "sum((attention_mask * 2)[:, 1:3])"),
    (lambda i, a: ((i == 2) & (a == 1)).int().argmax(1), "argmax((input_ids == eos_token_id) & (attention_mask == 1))"),
    # A 0 in a comparison with a mask is no pad id.
    (lambda i, a: (a == 0).int().argmax(1), "argmax(attention_mask == 0)"),
    (
        lambda i, a: torch.maximum(a.sum(1), i.ne(0).sum(1)) - 1,
        "max(sum(attention_mask), sum(input_ids != pad_token_id)) - 1",
    ),
]


@pytest.mark.parametrize(("index", "text"), WRITTEN, ids=[text for _, text in WRITTEN])
def test_an_index_is_written_as_the_inputs_give_it(index: Index, text: str) -> None:
    found, node = picked(index)
    assert Printer(found, NAMES).write(node.args[1][1]) == text


@pytest.mark.parametrize(("index", "text"), WRITTEN, ids=[text for _, text in WRITTEN])
def test_what_is_written_is_the_index_when_it_is_evaluated(index: Index, text: str) -> None:
    for row in (0, 1):
        own = {name: value[row : row + 1] for name, value in LAYOUT.items()}
        names = {**FUNCTIONS, **own, "pad_token_id": 0, "eos_token_id": 2, "s": 5}
        assert int(eval(text, names)) == int(index(IDS, MASK)[row])
    assert evaluates(f"[:, {text}]", {*LAYOUT, *NAMES.values()})


def test_a_constant_is_written_as_it_is_and_what_is_too_long_is_cut() -> None:
    found, _ = picked(lambda i, a: a.sum(1) - 1)
    printer = Printer(found, NAMES)
    assert [printer.write(value) for value in (3, -1, 0.5, [1, None, 2])] == ["3", "-1", "0.5", "1, 2"]
    assert printer.write(list(range(100))) == f"{', '.join(map(str, range(100)))[:159]}…"


@pytest.mark.parametrize(
    ("index", "inputs"),
    [
        (lambda i, a: a.sum(1) - 1, ("attention_mask",)),
        (lambda i, a: (i == 2).int().argmax(1), ("input_ids",)),
        (lambda i, a: ((i == 2) * a).argmax(1), ("input_ids", "attention_mask")),
        (lambda i, a: torch.tensor([1, 1]), ()),
    ],
)
def test_the_inputs_that_an_index_looks_at_are_told_in_their_order(index: Index, inputs: tuple[str, ...]) -> None:
    found, node = picked(index)
    assert isinstance(node.args[1][1], Ref)
    assert inputs_behind(found.program, {node.args[1][1].index}) == inputs


@pytest.mark.parametrize(
    ("text", "can"),
    [
        ("[:, sum(attention_mask) - 1]", True),
        ("[:, s - 1]", True),
        ("[:, argmax(input_ids == eos_token_id)]", True),
        ("[:, nonzero(attention_mask)]", False),  # gives several tensors
        ("[:, table[sum(attention_mask)]]", False),  # a buffer of the model
        ("[:, sum(attention_mask) - …", False),  # cut
        ("[:, f(attention_mask) 3]", False),
    ],
)
def test_only_what_names_inputs_and_special_ids_can_be_evaluated(text: str, can: bool) -> None:
    assert evaluates(text, {*LAYOUT, *NAMES.values()}) is can


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("18 - i", True),
        ("i - 17", True),
        ("38 * i", True),
        ("i < 9", True),  # 19 // 2
        ("i + 6", True),  # 19 // 3
        ("i - 1", False),
        ("i + 7", False),
        ("i + 14", False),
        ("x19 + x.19", False),
    ],
)
def test_numbers_that_may_follow_a_length_of_19(text: str, near: bool) -> None:
    assert numbers_near(text, 19) is near


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["38 - i", "26 - i"], "2 * s - i"),
        (["i * 20", "i * 14"], "i * (s + 1)"),
        (["i < 6", "i < 4"], "i < s // 3"),
        (["18 - i - 3", "12 - i - 3"], "s - 1 - i - 3"),
        (["i + 18", "i + 13"], "i + 18"),  # nothing tells how they follow
        (["18 - i", "i - 12"], "18 - i"),  # not one expression
    ],
)
def test_numbers_are_written_by_the_length_where_they_follow_it(texts: list[str], said: str) -> None:
    assert at_any_length(texts, [19, 13]) == said
