"""Reads the largest, feature by feature, of all tokens."""

from __future__ import annotations

import torch
from _expected import PADDED, Expected, Read, every
from torch import nn


class Maximum(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        return self.classifier(hidden.max(dim=1).values)


EXPECTED = Expected(
    model=Maximum,
    reads=(Read("embedding", "max", every, "embedding.amax(1)"),),
    tokens=every,
    reads_padding=PADDED,
)
