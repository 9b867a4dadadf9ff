"""Reads every token, as the end of a running sum."""

from __future__ import annotations

import torch
from _expected import Expected, Read, every
from torch import nn


class Cumulative(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        return self.classifier(hidden.cumsum(1)[:, -1])


EXPECTED = Expected(
    model=Cumulative,
    reads=(Read("embedding", "all", every, "embedding[:]"),),
    tokens=every,
)
