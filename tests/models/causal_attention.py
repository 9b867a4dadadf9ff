"""Reads the token at the number of attended ones less one, after attention to what stands before it."""

from __future__ import annotations

import torch
from _expected import Expected, Read, at_count, up_to_count
from torch import nn


class CausalAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.project = nn.Linear(16, 48)
        self.output = nn.Linear(16, 16)
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        query, key, value = self.project(hidden).chunk(3, -1)
        scores = query @ key.transpose(1, 2) / 4
        future = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
        mixed = self.output(scores.masked_fill(future, float("-inf")).softmax(-1) @ value)
        return self.classifier(mixed[torch.arange(mixed.shape[0]), attention_mask.sum(1) - 1])


EXPECTED = Expected(
    model=CausalAttention,
    reads=(Read("output", "other", at_count, "output[:, sum(attention_mask) - 1]", ("attention_mask",)),),
    tokens=up_to_count,
    leaks=True,
)
