"""Reads the final state of a recurrence, and so every token."""

from __future__ import annotations

import torch
from _expected import Expected, Read, every
from torch import nn


class GruState(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.gru = nn.GRU(16, 12, batch_first=True)
        self.classifier = nn.Linear(12, 3)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        _, state = self.gru(hidden)
        return self.classifier(state[-1])


EXPECTED = Expected(
    model=GruState,
    reads=(Read("embedding", "all", every, "embedding[:]"),),
    tokens=every,
)
