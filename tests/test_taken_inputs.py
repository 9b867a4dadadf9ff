"""The inputs that people's own modules take: several texts, and whatever else a forward asks for."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch

import archtrace
from archtrace.capture.inputs import layouts as lay
from archtrace.errors import TargetError
from archtrace_reports.text import tokens
from archtrace_reports.text.picture import picture


def forward_of(parameters: str) -> Callable[..., Any]:
    """A forward with these parameters."""
    space: dict[str, Any] = {}
    exec(f"def forward({parameters}): ...", space)
    forward: Callable[..., Any] = space["forward"]
    assert inspect.isfunction(forward)
    return forward


#: A signature, and by hand the ids and the mask of each text in it.
SIGNATURES = {
    "input_ids, attention_mask=None": [("input_ids", "attention_mask")],
    "input_ids_a, attention_mask_a, input_ids_b, attention_mask_b": [
        ("input_ids_a", "attention_mask_a"),
        ("input_ids_b", "attention_mask_b"),
    ],
    "input_ids1, input_ids2, mask1=None, mask2=None": [("input_ids1", "mask1"), ("input_ids2", "mask2")],
    "left, left_mask, right, right_mask": [("left", "left_mask"), ("right", "right_mask")],
    "premise, hypothesis": [("premise", None), ("hypothesis", None)],
    "premise, premise_mask, hypothesis, hypothesis_mask": [
        ("premise", "premise_mask"),
        ("hypothesis", "hypothesis_mask"),
    ],
    "encoder_input_ids, decoder_input_ids, encoder_attention_mask=None": [
        ("encoder_input_ids", "encoder_attention_mask"),
        ("decoder_input_ids", None),
    ],
    "input_ids, decoder_input_ids, attention_mask=None": [
        ("input_ids", "attention_mask"),
        ("decoder_input_ids", None),
    ],
    "query_ids, passage_ids, mask_query, mask_passage": [("query_ids", "mask_query"), ("passage_ids", "mask_passage")],
    "input_ids, attention_mask, labels": [("input_ids", "attention_mask")],
    # a decoder's ids that the model makes itself are not asked for
    "input_ids=None, attention_mask=None, decoder_input_ids=None, decoder_attention_mask=None": [
        ("input_ids", "attention_mask")
    ],
    "tokens_anchor, tokens_positive, tokens_negative": [
        ("tokens_anchor", None),
        ("tokens_positive", None),
        ("tokens_negative", None),
    ],
}


@pytest.mark.parametrize("parameters", SIGNATURES)
def test_texts_are_told_by_their_names(parameters: str) -> None:
    found = lay.signature(forward_of(parameters))
    assert [(text.ids, text.mask) for text in found.texts] == SIGNATURES[parameters]


@pytest.mark.parametrize("parameters", ["input_ids, mask_pos", "input_ids, category_ids", "input_ids, age"])
def test_what_no_name_tells_is_asked_for_with_what_to_type(parameters: str) -> None:
    """An id of a category, a position or a number may be anything: no guess is better than a wrong one."""
    name = parameters.rpartition(" ")[2]
    with pytest.raises(TargetError) as error:
        lay.signature(forward_of(parameters))
    assert f"unknown: {name}\n" in str(error.value)
    assert f"--input {name}=" in str(error.value)


def test_the_texts_of_a_pair_are_padded_differently() -> None:
    """A model that takes the mask of one text for the other is not told apart otherwise."""
    names = lay.signature(forward_of("left, left_mask, right, right_mask"))
    layout = lay.layouts(names, lay.Vocabulary(0, None, tuple(range(3, 80))), 13)["right_padded"]
    assert set(layout["left_mask"].sum(1).tolist()).isdisjoint(layout["right_mask"].sum(1).tolist())


class Pair(torch.nn.Module):
    """A first token and a masked mean."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.mix, self.score = torch.nn.Embedding(99, 8), torch.nn.Linear(8, 8), torch.nn.Linear(8, 2)

    def forward(
        self, left: torch.Tensor, left_mask: torch.Tensor, right: torch.Tensor, right_mask: torch.Tensor
    ) -> torch.Tensor:
        """One linear layer over a sum."""
        first = self.mix(self.embed(left))[:, 0]
        hidden, mask = self.mix(self.embed(right)), right_mask.unsqueeze(-1)
        return self.score(first + (hidden * mask).sum(1) / mask.sum(1))


def test_a_pair_of_unequal_lengths_is_given() -> None:
    """Each text has its own length, its mask, its tokens."""
    inputs = {
        "left": [[5, 6, 7, 8]] * 2,
        "left_mask": [[1, 1, 1, 0]] * 2,
        "right": [[9, 10, 11]] * 2,
        "right_mask": [[1, 1, 0]] * 2,
    }
    found = archtrace.trace(Pair(), inputs=inputs)
    (layout,) = found.result.layouts
    assert found.result.status == "exact"
    assert (layout.bound.tokens, layout.bound.others) == (((0,), (0,)), {"right": ((0, 1), (0, 1))})
    assert [r.slice for r in found.readouts] == ["mix (call 1)[:, 0]", "mix (call 2).mean(1, where=right_mask)"]
    view = found.at(left=[[5, 6]], right=[[7, 8, 9]], right_mask=[[0, 1, 1]])
    assert (view.reaching("left"), view.reaching("right")) == (((0,),), ((1, 2),))


def test_a_pair_needs_both_texts() -> None:
    found = archtrace.trace(Pair())
    with pytest.raises(TargetError, match="give right"):
        found.at(left=[[5, 6]])


class ByOpposite(torch.nn.Module):
    """Padding is told by a mask that is true at pads."""

    pad_token_id = 1

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.score = torch.nn.Embedding(64, 8), torch.nn.Linear(8, 2)

    def forward(self, input_ids: torch.Tensor, key_padding_mask: torch.Tensor) -> torch.Tensor:
        """The mean of all that is no padding."""
        keep = (~key_padding_mask).unsqueeze(-1).float()
        return self.score((self.embed(input_ids) * keep).sum(1) / keep.sum(1))


class ById(torch.nn.Module):
    """Padding is told by its id alone."""

    pad_token_id = 1

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.score = torch.nn.Embedding(64, 8), torch.nn.Linear(8, 2)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        """The maximum over everything."""
        return self.score(self.embed(input_ids).amax(1))


class Behind(ById):
    """A learned vector stands in front of the tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.start, self.mix = torch.nn.Parameter(torch.randn(1, 1, 8)), torch.nn.Linear(8, 8)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        """The last position, which carries the last token."""
        tokens = self.embed(input_ids)
        return self.score(self.mix(torch.cat([self.start.expand(len(tokens), 1, 8), tokens], 1))[:, -1])


@pytest.mark.parametrize(
    ("kind", "tensor", "front", "signs"), [(ByOpposite, "embed", 0, 0), (ById, "embed", 0, 4), (Behind, "mix", 1, 2)]
)
def test_padding_is_told_alike_everywhere(kind: type[torch.nn.Module], tensor: str, front: int, signs: int) -> None:
    """In the answer, the cone and the picture: by the padded tokens, and by the positions that carry them."""
    result = archtrace.trace(kind()).result
    assert result.anatomy is not None
    (layout,) = (each for each in result.layouts if each.name == "right_padded")
    (cone,) = (each for each in result.anatomy.slices if each.layout == "right_padded")
    by_hand = tuple(tuple(p for p, i in enumerate(row) if i == 1) for row in layout.inputs["input_ids"])
    assert [len(row) for row in by_hand] == [2, 3]
    assert layout.padding["input_ids"] == tokens.padding(layout) == cone.padding == by_hand
    assert layout.padding[tensor] == tuple(tuple(p + front for p in row) for row in by_hand)
    drawn = [line.plain for line in picture(result, 80) if "right padded" in line.plain]
    assert drawn[0].count("!") == signs  # in two columns: of the tensor, and of the tokens


class Encoder(torch.nn.Module):
    """What the models below have in common."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.mix, self.score = torch.nn.Embedding(99, 8), torch.nn.Linear(8, 8), torch.nn.Linear(8, 2)


class Choices(Encoder):
    """Scores each choice by its first token."""

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        rows, choices, length = input_ids.shape
        hidden = self.mix(self.embed(input_ids.view(-1, length)))
        return self.score(hidden[:, 0] * attention_mask.view(-1, length)[:, :1])[:, 0].view(rows, choices)


class Swapped(Encoder):
    """Folds documents behind chunks: row 1 of six is the first chunk of the second document."""

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        rows, chunks, length = input_ids.shape
        hidden = self.mix(self.embed(input_ids.transpose(0, 1).reshape(-1, length)))[:, -1]
        return self.score(hidden.view(chunks, rows, 8).mean(0))


class Windows(Encoder):
    """Cuts a text into windows that overlap, and reads the last position of each."""

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        windows = input_ids.unfold(1, 5, 3)
        hidden = self.mix(self.embed(windows.flatten(0, 1)))[:, -1]
        return self.score(hidden.view(len(input_ids), -1, 8).mean(1))


def tokens_by_gradient(model: Encoder, ids: torch.Tensor, mask: torch.Tensor) -> tuple[tuple[int, ...], ...]:
    """For each text the tokens that move any logit; each token looks up a row of the table of its own."""
    apart = torch.arange(ids.numel()).reshape(ids.shape) + 3
    with torch.no_grad():
        model.embed = torch.nn.Embedding(ids.numel() + 3, 8)
    logits = model(apart, mask)
    (slope,) = torch.autograd.grad((logits * torch.rand_like(logits)).sum(), model.embed.weight)
    shown = (slope[apart].abs().amax(-1) > 0).flatten(0, -2)
    return tuple(tuple(row.nonzero().flatten().tolist()) for row in shown)


#: model -> what it reads, and of right padding the tokens that it reads as pads, by hand.
TEXTS = {Choices: "mix[:, 0]", Swapped: "mix[:, -1]", Windows: "mix[:, -1]"}


@pytest.mark.parametrize("kind", TEXTS)
def test_chunks_choices_and_windows_are_found_and_carry_their_own_tokens(kind: type[Encoder]) -> None:
    """A model that refuses rows of tokens is tried with rows of texts; what is read is what the gradient shows."""
    model = kind()
    found = archtrace.trace(model)
    assert found.result.status == "exact"
    for layout in found.result.layouts:
        inputs = {name: torch.tensor(value) for name, value in layout.inputs.items()}
        assert layout.bound.tokens == tokens_by_gradient(model, inputs["input_ids"], inputs["attention_mask"])
        pads = {(r, p) for r, row in enumerate(layout.padding["input_ids"]) for p in row}
        read = {(r, p) for r, row in enumerate(layout.bound.tokens) for p in row}
        assert (layout.name in found.result.padding.reads_padding) == bool(pads & read), layout.name
    assert not found.result.padding.leaks
    if kind is not Choices:
        assert [r.slice for r in found.readouts] == [TEXTS[kind]]


def test_a_position_of_a_folded_batch_is_padding_where_its_own_chunk_is_padded() -> None:
    """Six rows, chunk by chunk: which of them are padded is told by the document and chunk that each is of."""
    (layout,) = (x for x in archtrace.trace(Swapped()).result.layouts if x.name == "right_padded")
    padded = torch.tensor(layout.inputs["attention_mask"]) == 0
    by_hand = [tuple(row.nonzero().flatten().tolist()) for row in padded.transpose(0, 1).reshape(6, -1)]
    assert list(layout.padding["mix"]) == by_hand
    assert by_hand != [tuple(row.nonzero().flatten().tolist()) for row in padded.reshape(6, -1)]


def test_choices_of_a_librarys_encoder() -> None:
    """The first token of each choice, all tokens of each; no token is padding."""
    from transformers import BertConfig, BertModel

    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}

    class Choice(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.enc, self.out = BertModel(BertConfig(**sizes, vocab_size=99)), torch.nn.Linear(16, 1)

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            rows, choices, length = input_ids.shape
            hidden = self.enc(input_ids.view(-1, length), attention_mask=attention_mask.view(-1, length))[0]
            return self.out(hidden[:, 0]).view(rows, choices)

    ids = torch.arange(5, 5 + 2 * 3 * 7).reshape(2, 3, 7)
    given = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    for found in (archtrace.trace(Choice()), archtrace.trace(Choice(), inputs=given)):
        assert found.result.status == "exact"
        assert [r.slice for r in found.readouts] == ["enc.last_hidden_state[:, 0]"]
    assert found.result.layouts[0].bound.tokens == (tuple(range(7)),) * 6


class ByType(Encoder):
    """The mean of the second text of a pair."""

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor
    ) -> torch.Tensor:
        second = (token_type_ids * attention_mask).unsqueeze(-1)
        return self.score((self.mix(self.embed(input_ids)) * second).sum(1) / second.sum(1).clamp(min=1))


def test_tokens_of_both_types() -> None:
    """A forward that asks for types gets both; of one type alone this one reads nothing."""
    found = archtrace.trace(ByType())
    reached = {layout.name: layout.bound.tokens for layout in found.result.layouts}
    assert found.result.status == "exact"
    assert reached["both_types"] == (tuple(range(9, 19)),) * 2
    assert reached["full"] == ((), ())


def test_an_optional_input_is_given_beside_what_is_guessed() -> None:
    """Global attention at one position of a window: that position is seen from everywhere."""

    class Marked(Encoder):
        def forward(
            self, input_ids: torch.Tensor, attention_mask: torch.Tensor, marks: torch.Tensor | None = None
        ) -> torch.Tensor:
            hidden = self.mix(self.embed(input_ids))
            return self.score(hidden[:, 0] if marks is None else (hidden * marks.unsqueeze(-1)).sum(1))

    assert archtrace.trace(Marked()).at(input_ids=[[5, 6, 7]]).tokens == ((0,),)
    marks = torch.zeros(2, 19, dtype=torch.long)
    marks[:, 4] = 1
    found = archtrace.trace(Marked(), inputs={"marks": marks})
    ran = [layout for layout in found.result.layouts if layout.refused is None]
    assert {layout.bound.tokens for layout in ran} == {((4,), (4,))}
    assert {layout.name for layout in ran} >= {"full", "right_padded", "left_padded"}
