"""Reads the mean of the first two positions."""

from __future__ import annotations

import torch
from _expected import Expected, Read, at
from torch import nn


class FirstTwo(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        return self.classifier(hidden[:, :2].mean(1))


EXPECTED = Expected(
    model=FirstTwo,
    reads=(Read("embedding", "other", at(0, 1), "embedding[:, :2]"),),
    tokens=at(0, 1),
    reads_padding=("left_padded",),
)
