"""Reads the mean of a convolution that is two positions shorter than the tokens."""

from __future__ import annotations

import torch
from _expected import Expected, Read, every, span
from torch import nn


class ValidConv(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.conv = nn.Conv1d(16, 24, 3)
        self.classifier = nn.Linear(24, 3)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        return self.classifier(self.conv(hidden.transpose(1, 2)).mean(-1))


EXPECTED = Expected(
    model=ValidConv,
    reads=(Read("conv", "mean", span(0, -2), "conv.mean(2)"),),
    tokens=every,
)
