"""Reads the attended tokens through one learned query."""

from __future__ import annotations

import torch
from _expected import Expected, Read, attended
from torch import nn


class QueryPooling(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.query = nn.Parameter(torch.randn(1, 1, 16))
        self.attention = nn.MultiheadAttention(16, 4, batch_first=True)
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        query = self.query.expand(hidden.shape[0], -1, -1)
        pooled, _ = self.attention(query, hidden, hidden, key_padding_mask=attention_mask == 0, need_weights=False)
        return self.classifier(pooled.squeeze(1))


EXPECTED = Expected(
    model=QueryPooling,
    reads=(
        Read("embedding", "attention", attended, "attention over embedding[attention_mask != 0]", ("attention_mask",)),
    ),
    tokens=attended,
)
