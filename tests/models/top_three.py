"""Reads the three largest, feature by feature, of all tokens."""

from __future__ import annotations

import torch
from _expected import Expected, Read, every
from torch import nn


class TopThree(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        return self.classifier(hidden.topk(3, dim=1).values.mean(1))


EXPECTED = Expected(
    model=TopThree,
    reads=(Read("embedding", "all", every, "embedding[:]"),),
    tokens=every,
)
