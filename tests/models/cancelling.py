"""Reads the second token alone, as the first is added and taken away; the analysis cannot see that."""

from __future__ import annotations

import torch
from _expected import Expected, Read, at
from torch import nn


class Cancelling(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        return self.classifier(hidden[:, 0] - hidden[:, 0] + hidden[:, 1])


EXPECTED = Expected(
    model=Cancelling,
    reads=(Read("embedding", "other", at(1), "embedding[:, :2]"),),
    tokens=at(1),
    status="bound",
    bound=at(0, 1),
)
