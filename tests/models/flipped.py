"""Reads the last token, as the first one of the row turned round."""

from __future__ import annotations

import torch
from _expected import Expected, Read, at
from torch import nn


class Flipped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        return self.classifier(torch.flip(hidden, [1])[:, 0])


EXPECTED = Expected(
    model=Flipped,
    reads=(Read("embedding", "last", at(-1), "embedding[:, -1]"),),
    tokens=at(-1),
)
