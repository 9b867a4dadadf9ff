"""Reads all tokens but the first, which is multiplied by zero."""

from __future__ import annotations

import torch
from _expected import Expected, Read, span
from torch import nn


class ZeroTimes(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.register_buffer("keep", torch.cat([torch.zeros(1), torch.ones(31)]))
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        hidden = hidden * self.keep[: hidden.shape[1], None]
        return self.classifier(hidden.sum(1))


EXPECTED = Expected(
    model=ZeroTimes,
    reads=(Read("embedding", "other", span(1), "embedding[:, 1:]"),),
    tokens=span(1),
)
