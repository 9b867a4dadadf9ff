"""Reads the mean of all embeddings, without ever holding them: no tensor has a token axis."""

from __future__ import annotations

import torch
from _expected import Expected, every
from torch import nn


class EmbeddingBag(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.EmbeddingBag(64, 16, mode="mean")
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.embedding(input_ids))


EXPECTED = Expected(
    model=EmbeddingBag,
    reads=(),
    tokens=every,
)
