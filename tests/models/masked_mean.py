"""Reads the mean of the attended tokens: multiply, add up, divide."""

from __future__ import annotations

import torch
from _expected import Expected, Read, attended
from torch import nn


class MaskedMean(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
        return self.classifier((hidden * mask).sum(1) / mask.sum(1))


EXPECTED = Expected(
    model=MaskedMean,
    reads=(Read("embedding", "masked_mean", attended, "embedding.mean(1, where=attention_mask)", ("attention_mask",)),),
    tokens=attended,
)
