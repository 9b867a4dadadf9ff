"""Reads the token at the number of attended ones less one: the last one only where padding is on the right."""

from __future__ import annotations

import torch
from _expected import Expected, Read, at_count
from torch import nn


class GatherByLength(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        index = attention_mask.sum(1) - 1
        return self.classifier(hidden[torch.arange(hidden.shape[0]), index])


EXPECTED = Expected(
    model=GatherByLength,
    reads=(Read("embedding", "other", at_count, "embedding[:, sum(attention_mask) - 1]", ("attention_mask",)),),
    tokens=at_count,
    moves=True,
)
