"""Reads one constant position that is neither the first nor the last."""

from __future__ import annotations

import torch
from _expected import Expected, Read, at
from torch import nn


class FixedThird(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        return self.classifier(hidden.select(1, 3))


EXPECTED = Expected(
    model=FixedThird,
    reads=(Read("embedding", "fixed", at(3), "embedding[:, 3]"),),
    tokens=at(3),
    reads_padding=("padded_inside",),
    moves=True,
)
