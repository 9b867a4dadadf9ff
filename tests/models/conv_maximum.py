"""Reads the largest value of a convolution over tokens."""

from __future__ import annotations

import torch
from _expected import Expected, Read, every
from torch import nn


class ConvMaximum(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.conv = nn.Conv1d(16, 24, 3, padding=1)
        self.classifier = nn.Linear(24, 3)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        features = self.conv(hidden.transpose(1, 2)).relu()
        return self.classifier(features.amax(-1))


EXPECTED = Expected(
    model=ConvMaximum,
    reads=(Read("conv", "max", every, "conv.amax(2)"),),
    tokens=every,
)
