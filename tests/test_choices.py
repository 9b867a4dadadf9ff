"""Rows of several choices: what is read and which tokens reach the scores equals the gradient of a real model."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from slopes import heard, shown
from transformers import AlbertConfig, AlbertForMultipleChoice, BertConfig, BertForMultipleChoice, BertModel

import archtrace

SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24, "vocab_size": 60}


class Choice(torch.nn.Module):
    """Choices folded into the rows by hand."""

    def __init__(self, pooled: bool) -> None:
        super().__init__()
        self.bert = BertModel(BertConfig(**SMALL), add_pooling_layer=False)
        self.out, self.pooled = torch.nn.Linear(16, 1), pooled

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        rows, choices, length = input_ids.shape
        mask = attention_mask.view(-1, length)
        h = self.bert(input_ids.view(-1, length), attention_mask=mask).last_hidden_state
        h = (h * mask[..., None]).sum(1) / mask.sum(1, keepdim=True) if self.pooled else h[:, 0]
        return self.out(h).view(rows, choices)


MODELS: dict[str, Any] = {
    "bert": lambda: BertForMultipleChoice(BertConfig(**SMALL)),
    "albert": lambda: AlbertForMultipleChoice(AlbertConfig(**SMALL, embedding_size=8)),
    "first": lambda: Choice(False),
    "mean": lambda: Choice(True),
}


@pytest.mark.parametrize("name", MODELS)
def test_choices_equal_the_gradient(name: str) -> None:
    """Two rows of three choices, one of them padded: each choice is a row of the hidden states and of the tokens."""
    torch.manual_seed(0)
    model = MODELS[name]().eval().double()
    ids, mask = torch.randint(5, 60, (2, 3, 13)), torch.ones(2, 3, 13, dtype=torch.long)
    mask[1, 2, 9:] = 0
    base = getattr(model, model.base_model_prefix) if hasattr(model, "base_model_prefix") else model.bert
    parts = {"states": base, "embedded": base.embeddings.word_embeddings}
    with heard(parts) as kept:
        scores = model(input_ids=ids, attention_mask=mask)
    scores = getattr(scores, "logits", scores)
    trace = archtrace.trace(model, inputs={"input_ids": ids, "attention_mask": mask})
    view = trace.at(input_ids=ids, attention_mask=mask)
    assert next(iter(view.reads.values())) == shown(kept["states"], scores)
    assert view.tokens == shown(kept["embedded"], scores)


@pytest.mark.parametrize("name", ["bert", "albert"])
def test_choices_of_the_library_need_no_inputs(name: str) -> None:
    """Its own layouts have the axis of choices, and the answer is exact in each."""
    result = archtrace.trace(MODELS[name]()).result
    assert result.status == "exact"
    assert [r.slice for r in result.readouts] == ["last_hidden_state[:, 0]"]
    assert all(torch.tensor(layout.inputs["input_ids"]).shape == (2, 3, 19) for layout in result.layouts)
