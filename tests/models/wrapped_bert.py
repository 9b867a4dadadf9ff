"""Reads the mean of the attended positions of a library's backbone; its pooler is idle."""

from __future__ import annotations

import torch
from _expected import Expected, Read, attended
from torch import nn
from transformers import AutoModel, BertConfig


class WrappedBert(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        config = BertConfig(
            vocab_size=64, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
        )
        self.encoder = AutoModel.from_config(config)
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.encoder(input_ids, attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
        return self.classifier((hidden * mask).sum(1) / mask.sum(1).clamp(min=1e-9))


EXPECTED = Expected(
    model=WrappedBert,
    reads=(
        Read(
            "encoder.last_hidden_state",
            "masked_mean",
            attended,
            "encoder.last_hidden_state.mean(1, where=attention_mask)",
            ("attention_mask",),
        ),
    ),
    tokens=attended,
    dead=("encoder.pooler.dense.weight", "encoder.pooler.dense.bias"),
    embedding="encoder.embeddings.word_embeddings",
    moves=True,
)
