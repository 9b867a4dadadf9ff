"""Reads the first and the last position, side by side."""

from __future__ import annotations

import torch
from _expected import Expected, Read, at
from torch import nn


class FirstAndLast(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.classifier = nn.Linear(32, 3)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        return self.classifier(torch.cat([hidden[:, 0], hidden[:, -1]], -1))


EXPECTED = Expected(
    model=FirstAndLast,
    reads=(Read("embedding", "other", at(0, -1), "embedding[:, [0, -1]]"),),
    tokens=at(0, -1),
)
