"""Reads the sum of all tokens, which is no mean: it grows with their number."""

from __future__ import annotations

import torch
from _expected import PADDED, Expected, Read, every
from torch import nn


class SumPooling(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        return self.classifier(hidden.sum(1))


EXPECTED = Expected(
    model=SumPooling,
    reads=(Read("embedding", "all", every, "embedding[:]"),),
    tokens=every,
    reads_padding=PADDED,
)
