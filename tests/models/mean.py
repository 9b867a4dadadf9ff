"""Reads the mean of all tokens; padding counts too, as the mask is not looked at."""

from __future__ import annotations

import torch
from _expected import PADDED, Expected, Read, every
from torch import nn


class Mean(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        return self.classifier(hidden.mean(1))


EXPECTED = Expected(
    model=Mean,
    reads=(Read("embedding", "mean", every, "embedding.mean(1)"),),
    tokens=every,
    reads_padding=PADDED,
)
