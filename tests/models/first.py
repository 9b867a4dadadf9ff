"""Reads the first token, as [CLS] is read."""

from __future__ import annotations

import torch
from _expected import Expected, Read, at
from torch import nn


class First(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        return self.classifier(hidden[:, 0])


EXPECTED = Expected(
    model=First,
    reads=(Read("embedding", "first", at(0), "embedding[:, 0]"),),
    tokens=at(0),
    reads_padding=("left_padded",),
)
