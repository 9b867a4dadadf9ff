"""Reads the last position, which is padding where padding is on the right."""

from __future__ import annotations

import torch
from _expected import Expected, Read, at
from torch import nn


class Last(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        return self.classifier(hidden[:, -1, :])


EXPECTED = Expected(
    model=Last,
    reads=(Read("embedding", "last", at(-1), "embedding[:, -1]"),),
    tokens=at(-1),
    reads_padding=("right_padded", "masked_tail"),
)
