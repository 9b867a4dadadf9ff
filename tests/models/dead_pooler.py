"""Reads the mean of all tokens; a pooler over the first one is computed and thrown away."""

from __future__ import annotations

import torch
from _expected import Expected, Read, every
from torch import nn


class DeadPooler(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.pooler = nn.Linear(16, 16)
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        self.pooler(hidden[:, 0]).tanh()
        return self.classifier(hidden.mean(1))


EXPECTED = Expected(
    model=DeadPooler,
    reads=(Read("embedding", "mean", every, "embedding.mean(1)"),),
    tokens=every,
    dead=("pooler.weight", "pooler.bias"),
)
