"""Reads the mean of the attended tokens, as a product with normalised weights."""

from __future__ import annotations

import torch
from _expected import Expected, Read, attended
from torch import nn


class MaskedMeanBmm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        weights = attention_mask.to(hidden.dtype)
        weights = weights / weights.sum(1, keepdim=True)
        return self.classifier(torch.bmm(weights.unsqueeze(1), hidden).squeeze(1))


EXPECTED = Expected(
    model=MaskedMeanBmm,
    reads=(Read("embedding", "masked_mean", attended, "embedding.mean(1, where=attention_mask)", ("attention_mask",)),),
    tokens=attended,
)
