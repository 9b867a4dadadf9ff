"""Reads the mean of all tokens but the first."""

from __future__ import annotations

import torch
from _expected import Expected, Read, span
from torch import nn


class DropFirst(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        return self.classifier(hidden[:, 1:].mean(1))


EXPECTED = Expected(
    model=DropFirst,
    reads=(Read("embedding", "other", span(1), "embedding[:, 1:]"),),
    tokens=span(1),
)
