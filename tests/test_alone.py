"""Padding that changes what a text gives, though none of it reaches: told where real models show it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

import archtrace

SIZES = {"num_hidden_layers": 2, "hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 2}
FIELDS: dict[str, dict[str, Any]] = {
    "gpt2": {"n_layer": 2, "n_embd": 32, "n_head": 2},
    "biogpt": SIZES,
    "llama": {**SIZES, "num_key_value_heads": 2},
    "bloom": {"n_layer": 2, "hidden_size": 32, "n_head": 2},
    "opt": {
        "num_hidden_layers": 2,
        "hidden_size": 32,
        "ffn_dim": 48,
        "num_attention_heads": 2,
        "word_embed_proj_dim": 32,
    },
    "eurobert": {**SIZES, "num_key_value_heads": 2},
}
PAD, LENGTH, PADS = 1, 16, 3


def _model(kind: str) -> Any:
    torch.manual_seed(0)
    config = AutoConfig.for_model(kind, vocab_size=60, pad_token_id=PAD, **FIELDS[kind])
    return AutoModelForSequenceClassification.from_config(config).eval()


def _differs(model: Any, side: str) -> bool:
    """Whether a text gives other logits beside padding than alone: real weights, and a mask that is right."""
    text = torch.randint(5, 60, (1, LENGTH))
    pads, ones, zeros = torch.full((1, PADS), PAD), torch.ones_like(text), torch.zeros(1, PADS, dtype=torch.long)
    ids, mask = ((pads, text), (zeros, ones)) if side == "left" else ((text, pads), (ones, zeros))
    with torch.no_grad():
        alone = model(input_ids=text, attention_mask=ones).logits
        padded = model(input_ids=torch.cat(ids, 1), attention_mask=torch.cat(mask, 1)).logits
    return not torch.allclose(alone, padded, atol=1e-4)


@pytest.mark.parametrize("kind", FIELDS)
def test_the_sides_that_are_told_are_those_where_a_real_model_differs(kind: str) -> None:
    model = _model(kind)
    told = [f.message for f in archtrace.trace(model).result.findings if f.code == "padding-moves"]
    for side in ("left", "right"):
        assert any(f"padding on the {side}" in message for message in told) == _differs(model, side), (kind, side)


class Pooled(torch.nn.Module):
    """Divides the sum over a text by the length of its row."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.score = torch.nn.Embedding(60, 8), torch.nn.Linear(8, 2)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        states = self.embed(input_ids) * attention_mask[..., None]
        found: torch.Tensor = self.score(states.sum(1) / input_ids.shape[1])
        return found


def test_a_sum_that_is_divided_by_the_length_of_the_row_depends_on_padding() -> None:
    told = [f.message for f in archtrace.trace(Pooled()).result.findings if f.code == "padding-moves"]
    assert len(told) == 2
