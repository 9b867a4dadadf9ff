"""Reads the mean of one layer and the last position of the next."""

from __future__ import annotations

import torch
from _expected import Expected, Read, at, every
from torch import nn


class FirstMeanLastLast(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.layers = nn.ModuleList(nn.TransformerEncoderLayer(16, 4, 32, batch_first=True) for _ in range(2))
        self.classifier = nn.Linear(32, 3)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        below = self.layers[0](hidden)
        above = self.layers[1](below)
        return self.classifier(torch.cat([below.mean(1), above[:, -1]], -1))


EXPECTED = Expected(
    model=FirstMeanLastLast,
    reads=(
        Read("layers.0", "mean", every, "layers.0.mean(1)"),
        Read("layers.1", "last", at(-1), "layers.1[:, -1]"),
    ),
    tokens=every,
)
