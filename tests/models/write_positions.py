"""Reads the first token after positions were added in place."""

from __future__ import annotations

import torch
from _expected import Expected, Read, at
from torch import nn


class WritePositions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.positions = nn.Parameter(torch.randn(32, 16))
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        hidden += self.positions[: hidden.shape[1]]
        return self.classifier(hidden[:, 0])


EXPECTED = Expected(
    model=WritePositions,
    reads=(Read("embedding", "first", at(0), "embedding[:, 0]"),),
    tokens=at(0),
)
