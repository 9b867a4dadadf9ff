"""Reads the first token less its mean over the batch: rows mix."""

from __future__ import annotations

import torch
from _expected import Expected, Read, at
from torch import nn


class BatchMixing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        return self.classifier((hidden - hidden.mean(0))[:, 0])


EXPECTED = Expected(
    model=BatchMixing,
    reads=(Read("embedding", "first", at(0), "embedding[:, 0]"),),
    tokens=at(0),
    rows_mix=True,
)
