"""What people give to `Trace.at`: a tokenizer's encoding, lists, arrays, tensors, rows of any length, and nonsense."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

import archtrace
from archtrace.errors import ArchtraceError, LayoutError, TargetError
from archtrace.tracing.trace import Trace

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "film", "was", "good", "not")
CONFIG = BertConfig(
    vocab_size=64, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16, pad_token_id=0
)


@pytest.fixture(scope="module")
def bert() -> BertForSequenceClassification:
    """A small live BERT."""
    torch.manual_seed(0)
    return BertForSequenceClassification(CONFIG).eval()


@pytest.fixture(scope="module")
def trace(bert: BertForSequenceClassification) -> Trace:
    """Its trace."""
    return archtrace.trace(bert)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> BertTokenizerFast:
    """A real tokenizer of few words."""
    folder: Path = tmp_path_factory.mktemp("tokenizer")
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    return BertTokenizerFast.from_pretrained(folder)


def shown(bert: BertForSequenceClassification, encoding: Mapping[str, Tensor]) -> tuple[tuple[int, ...], ...]:
    """The positions of the last hidden state at which each row's logits have a gradient."""
    output = bert(**encoding, output_hidden_states=True)
    (gradient,) = torch.autograd.grad(output.logits.sum(), output.hidden_states[-1])
    return tuple(tuple(row.abs().sum(-1).nonzero().flatten().tolist()) for row in gradient)


def test_what_a_tokenizer_returns_is_taken(
    bert: BertForSequenceClassification, trace: Trace, tokenizer: BertTokenizerFast
) -> None:
    plain = tokenizer("the film was good", "not good")
    tensors = tokenizer("the film was good", "not good", return_tensors="pt")
    arrays = tokenizer("the film was good", "not good", return_tensors="np")
    assert "token_type_ids" in plain
    wanted = shown(bert, tensors)
    for encoding in (plain, tensors, arrays, {name: value[0] for name, value in tensors.items()}):
        view = trace.at(**encoding)
        assert view.reads == {"last_hidden_state": wanted}
        assert view.tokens == (tuple(range(tensors["input_ids"].shape[1])),)


def test_rows_of_different_length_are_each_what_they_are_alone(trace: Trace, tokenizer: BertTokenizerFast) -> None:
    ragged = tokenizer(["the film", "the film was good", "good"])
    alone = [trace.at(**{name: value[row] for name, value in ragged.items()}) for row in range(3)]
    whole = tuple(view.tokens[0] for view in alone)
    assert len({len(row) for row in whole}) == 3
    assert trace.at(**ragged).tokens == whole
    assert trace.at(input_ids=ragged["input_ids"]).tokens == whole, "the mask is made"
    assert trace.at(input_ids=[torch.tensor(row) for row in ragged["input_ids"]]).tokens == whole
    padded = tokenizer(["the film", "the film was good", "good"], padding=True, return_tensors="pt")
    assert trace.at(**padded).tokens == whole, "as the tokenizer pads"


class LastByPad(nn.Module):
    """The last position that is not padding, told by the pad id alone; or the last of all."""

    def __init__(self, side: str) -> None:
        super().__init__()
        self.pad_token_id, self.padding_side = 7, side
        self.embed, self.head = nn.Embedding(64, 8), nn.Linear(8, 2)

    def forward(self, input_ids: Tensor) -> Tensor:
        last = (torch.arange(input_ids.shape[1]) * (input_ids != 7)).argmax(1)
        logits: Tensor = self.head(self.embed(input_ids)[torch.arange(len(last)), last])
        return logits


@pytest.mark.parametrize(("side", "last"), [("right", (0, 2)), ("left", (2, 2))])
def test_padding_is_on_the_side_of_the_config_with_its_pad_id(side: str, last: tuple[int, int]) -> None:
    view = archtrace.trace(LastByPad(side)).at(input_ids=[[5], [8, 9, 10]])
    assert view.reads == {"embed": tuple((position,) for position in last)}


@pytest.mark.parametrize("ids", [[[5]], [[5], [6]], [5], [[5, 6]]])
def test_few_tokens_are_read_where_the_gradient_is(
    bert: BertForSequenceClassification, trace: Trace, ids: list[Any]
) -> None:
    rows = torch.tensor(ids).reshape(-1, 1 if ids != [[5, 6]] else 2)
    view = trace.at(input_ids=ids)
    assert view.reads == {"last_hidden_state": shown(bert, {"input_ids": rows})}
    assert view.tokens == (tuple(range(rows.shape[1])),) * len(rows)


class MeanOfOne(nn.Module):
    """A mean that keeps its axis, through a module: of one token the two look alike."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.mix, self.after, self.head = (
            nn.Embedding(64, 8), nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 2),
        )  # fmt: skip

    def forward(self, input_ids: Tensor) -> Tensor:
        pooled = self.after(self.mix(self.embed(input_ids)).mean(1, keepdim=True))
        logits: Tensor = self.head(pooled.squeeze(1))
        return logits


def test_of_one_token_the_same_tensor_is_read_as_of_many() -> None:
    trace = archtrace.trace(MeanOfOne())
    assert trace.at(input_ids=[[5, 6, 8]]).reads == {"mix": ((0, 1, 2),)}
    assert trace.at(input_ids=[[5]]).reads == {"mix": ((0,),)}


NONSENSE: Mapping[str, tuple[dict[str, Any], type[ArchtraceError], str]] = {
    "beyond": ({"input_ids": [[5, 64]]}, LayoutError, r"64 is none of the 64 rows.*word_embeddings\n.*\[0, 1\]"),
    "negative": ({"input_ids": [[-1]]}, LayoutError, "-1 is none of the 64 rows"),
    "type": ({"input_ids": [[5]], "token_type_ids": [[2]]}, LayoutError, "2 is none of the 2 rows.*token_type"),
    "text": ({"input_ids": "good film"}, TargetError, "input_ids is no tensor"),
    "words": ({"input_ids": [["good", "film"]]}, TargetError, "input_ids is no tensor"),
    "empty": ({"input_ids": [[]]}, TargetError, "input_ids is empty"),
    "missing": ({"attention_mask": [[1]]}, TargetError, "input_ids is missing"),
    "misspelt": ({"input_idz": [[1]]}, TargetError, "no input input_idz(.|\n)*did you mean input_ids"),
    "mask": ({"input_ids": [[5, 6]], "attention_mask": [[1, 1, 1]]}, LayoutError, "attention_mask is 3 long"),
    "long": ({"input_ids": [[5] * 600]}, LayoutError, "does not run on these inputs"),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_is_refused_with_what_to_do(trace: Trace, name: str) -> None:
    inputs, error, text = NONSENSE[name]
    with pytest.raises(error, match=text) as raised:
        trace.at(**inputs)
    assert "\n  do: " in str(raised.value)


def test_rows_that_nothing_could_pad_are_refused() -> None:
    trace = archtrace.trace(MeanOfOne())
    with pytest.raises(TargetError, match="not equally long"):
        trace.at(input_ids=[[5], [6, 8]])


class BoxesToo(nn.Module):
    """Ids, and four numbers a position."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.box, self.head = nn.Embedding(64, 8), nn.Embedding(16, 8), nn.Linear(8, 2)

    def forward(self, input_ids: Tensor, bbox: Tensor, attention_mask: Tensor) -> Tensor:
        hidden = (self.embed(input_ids) + self.box(bbox).sum(2)) * attention_mask[..., None]
        logits: Tensor = self.head(hidden.sum(1))
        return logits


def test_what_a_position_holds_is_padded_with_it() -> None:
    boxes = [[[1, 2, 3, 4]], [[1, 2, 3, 4], [5, 6, 7, 8]]]
    whole = {"input_ids": torch.tensor([[5, 9], [6, 8]]), "bbox": torch.ones(2, 2, 4, dtype=torch.long)}
    trace = archtrace.trace(BoxesToo(), inputs={**whole, "attention_mask": torch.ones(2, 2, dtype=torch.long)})
    assert trace.at(input_ids=[[5], [6, 8]], bbox=boxes).tokens == ((0,), (0, 1))


def test_names_of_a_view_are_its_keys(trace: Trace) -> None:
    view = trace.at(input_ids=[[5, 6, 7]])
    assert list(view) == view._ipython_key_completions_() == list(view.names)
    assert view["hidden_states[1]"] == view.reaching("hidden_states[1]") == ((0, 1, 2),)
    assert "last_hidden_state" in view
    assert {"trace", "Trace", "View"} <= set(dir(archtrace))


def test_a_view_is_read_by_people(trace: Trace) -> None:
    same = trace.at(input_ids=np.full((2, 3), 5))
    assert repr(same).splitlines() == [
        "reads last_hidden_state at 0 in each row",
        "input_ids that reach: 0 to 2 in each row, of 3",
    ]
    many = repr(trace.at(input_ids=[[5] * (1 + n % 2) for n in range(11)]))
    assert many.splitlines()[-1].startswith("input_ids that reach: [0], [0, 1], [0], ")
    assert "(3 more rows)" in many
    assert repr(trace).splitlines()[0] == "BertForSequenceClassification reads last_hidden_state[:, 0] (exact)"


def test_one_token_among_pads_stands_where_it_stands(trace: Trace, tokenizer: BertTokenizerFast) -> None:
    """Attention over one token carries it to every position; what is read there is a pad all the same."""
    left = copy.deepcopy(tokenizer)
    left.padding_side = "left"
    encoding = left(["film was good", "good"], padding=True, add_special_tokens=False)
    assert encoding["attention_mask"][1] == [0, 0, 1]
    texts = trace.at(text=["film was good", "good"], tokenizer=_Bare(left)).texts
    assert texts is not None
    assert texts.read == ((0,), (0,))
    assert texts.words[1] == "[PAD] (0)"


class _Bare:
    """A tokenizer that adds no special tokens, as people call it for words."""

    def __init__(self, whole: BertTokenizerFast) -> None:
        self._whole = whole

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._whole(*args, **{**kwargs, "add_special_tokens": False})
