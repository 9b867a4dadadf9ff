"""Which token a position carries, and so whether it is padding: each row a head, and what is carried by hand."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from small_analyses import IDS, LAYOUT, LENGTH, MASK, Head, TinyClassifier
from torch import Tensor, nn

from archtrace.answer.texts import Texts
from archtrace.capture.inputs.layouts import Vocabulary
from archtrace.readout.analysis import Analysis, Programs
from archtrace.readout.padding import Carried, flags_of_positions, padded, padding_of, tokens_carried, tokens_read
from archtrace.readout.read_tokens import texts_of

WORDS = Vocabulary(pad=0, eos=2, ordinary=(3, 4, 5))


class Output(nn.Module):
    """A module of its own, so that what comes out of it is read."""

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden


class Behind(TinyClassifier):
    """Hidden states that a head changes before a module puts them out, and the first of them is read."""

    def __init__(self, change: Head, index: int) -> None:
        super().__init__(change)
        self.output, self.index = Output(), index

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        hidden = self.output(self.head(self, self.embed(input_ids), input_ids, attention_mask) * 2.0)
        logits: Tensor = self.score(hidden[:, self.index])
        return logits


def behind(change: Head, index: int = 0) -> Analysis:
    """The analysis of such a model."""
    return Analysis(Programs((Behind(change, index).eval(), {})), {"full": LAYOUT}, "input_ids")


class Known(NamedTuple):
    """A change of hidden states, and the token that each position then carries; None for none."""

    change: Head
    tokens: tuple[int | None, ...]


CHANGES: dict[str, Known] = {
    "nothing": Known(lambda m, h, i, a: h, (0, 1, 2, 3, 4)),
    "a mix of features": Known(lambda m, h, i, a: m.mix(h).tanh(), (0, 1, 2, 3, 4)),
    "a vector in front": Known(lambda m, h, i, a: m.fronted(h), (None, 0, 1, 2, 3, 4)),
    "turned round": Known(lambda m, h, i, a: h.flip(1), (4, 3, 2, 1, 0)),
    "rolled": Known(lambda m, h, i, a: h.roll(1, 1), (4, 0, 1, 2, 3)),
    "a residual beside a mean": Known(lambda m, h, i, a: h + h.mean(1, keepdim=True), (0, 1, 2, 3, 4)),
    # The first of three windows holds a mixture and token 0, the others two tokens each.
    "a pool over a mean and the tokens": Known(
        lambda m, h, i, a: (
            nn.functional.avg_pool1d(torch.cat([h.mean(1, keepdim=True) + h.sum(1, keepdim=True), h], 1).mT, 2).mT
        ),
        (None, None, None),
    ),
    # No position carries a token any more; where there are as many of them as tokens, each stands for its own.
    "a convolution": Known(lambda m, h, i, a: m.conv(h.mT).mT, (0, 1, 2, 3, 4)),
    "a recurrence": Known(lambda m, h, i, a: m.lstm(h)[0], (0, 1, 2, 3, 4)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_which_token_each_position_carries(name: str) -> None:
    change, tokens = CHANGES[name]
    (found,) = tokens_carried(behind(change), "full").values()
    assert found == tuple(tuple(frozenset() if t is None else {(row, t)} for t in tokens) for row in (0, 1))


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("nothing", ((), (3, 4))),
        ("a vector in front", ((), (4, 5))),
        ("turned round", ((), (0, 1))),
        ("rolled", ((), (0, 4))),
    ],
)
def test_a_position_is_padding_where_its_token_is(name: str, rows: tuple[tuple[int, ...], ...]) -> None:
    found = padded(behind(CHANGES[name].change), "full", WORDS)
    assert found.pop("input_ids") == ((), (3, 4))
    assert list(found.values()) == [rows]


@pytest.mark.parametrize(
    ("name", "index", "read"),
    [
        ("nothing", 2, (2, 2)),
        ("turned round", 0, (4, 4)),
        ("a vector in front", 1, (0, 0)),
        ("a vector in front", 0, ()),
    ],
)
def test_the_tokens_of_what_is_read(name: str, index: int, read: tuple[int, ...]) -> None:
    analysis = behind(CHANGES[name].change, index)
    written = [[f"w{i}" for i in row] for row in IDS.tolist()]
    found = texts_of(analysis, "full", written, analysis.positions["full"].reads)
    rows = tuple((t,) for t in read) or ((), ())
    assert found == Texts(tuple(map(tuple, written)), rows)


def one(*tokens: int | None) -> tuple[frozenset[tuple[int, int]], ...]:
    """The tokens of one row, one for each position."""
    return tuple(frozenset(() if t is None else {(0, t)}) for t in tokens)


FLAGS = [[True, False, False]]
STANDING: list[tuple[Carried, bool, tuple[bool, ...]]] = [
    ((one(0, 1, 2),), False, (True, False, False)),
    ((one(2, 1, 0),), False, (False, False, True)),
    ((one(None, 0, 1, 2),), False, (False, True, False, False)),
    ((one(None, 0, 1, 2),), True, (True, True, False, False)),
    (((frozenset({(0, 0), (0, 1)}), frozenset({(0, 1), (0, 2)})),), False, (True, False)),
]


@pytest.mark.parametrize(("carries", "alone", "rows"), STANDING)
def test_a_flag_of_a_token_holds_where_the_token_stands(carries: Carried, alone: bool, rows: tuple[bool, ...]) -> None:
    assert flags_of_positions(FLAGS, carries, default=alone) == (rows,)


def test_tokens_that_are_read_are_told_by_row() -> None:
    crossed: Carried = ((frozenset({(1, 0)}), frozenset({(0, 2)})), (frozenset({(0, 1)}), frozenset()))
    assert tokens_read(((0, 1), (0, 1)), crossed, 2) == ((1, 2), (0,))
    assert tokens_read(((1,), (1,)), crossed, 2) == ((2,), ())
    assert tokens_read(((), ()), crossed, 2) == ((), ())


@pytest.mark.parametrize(
    ("inputs", "words", "rows"),
    [
        (LAYOUT, WORDS, ((), (3, 4))),
        ({"input_ids": IDS}, WORDS, ((), (3, 4))),
        # The mask says it first, whatever the ids are.
        ({"input_ids": IDS, "attention_mask": MASK.flip(1)}, WORDS, ((), (0, 1))),
        ({"input_ids": IDS, "lengths": torch.tensor([5, 1])}, Vocabulary(None, None, ()), ((), (1, 2, 3, 4))),
        ({"input_ids": IDS}, Vocabulary(None, None, ()), None),
    ],
)
def test_padding_is_told_in_the_first_way_that_there_is(
    inputs: dict[str, Tensor], words: Vocabulary, rows: tuple[tuple[int, ...], ...] | None
) -> None:
    assert padding_of(inputs, words) == rows


def test_of_one_token_among_pads_attention_carries_nothing_further() -> None:
    """A text of one token: attention reads it at every position, and yet the others are padding."""
    layout = {"input_ids": torch.tensor([[5, 0, 0, 0, 0]] * 2), "attention_mask": torch.tensor([[1, 0, 0, 0, 0]] * 2)}

    def attending(m: Behind, h: Tensor, i: Tensor, a: Tensor) -> Tensor:
        return nn.functional.scaled_dot_product_attention(h, h, h, attn_mask=a[:, None].bool())

    analysis = Analysis(Programs((Behind(attending, 0).eval(), {})), {"full": layout}, "input_ids")
    (found,) = tokens_carried(analysis, "full").values()
    assert found == tuple(tuple(frozenset({(row, t)}) for t in range(LENGTH)) for row in (0, 1))
