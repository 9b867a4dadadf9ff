"""Reads the mean of the attended tokens; the others are set to zero in place."""

from __future__ import annotations

import torch
from _expected import Expected, Read, attended
from torch import nn


class WriteMasked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        hidden[attention_mask == 0] = 0
        return self.classifier(hidden.sum(1) / attention_mask.sum(1, keepdim=True))


EXPECTED = Expected(
    model=WriteMasked,
    reads=(Read("embedding", "masked_mean", attended, "embedding.mean(1, where=attention_mask)", ("attention_mask",)),),
    tokens=attended,
)
