"""Reads one position of a dilated convolution: three tokens, two apart."""

from __future__ import annotations

import torch
from _expected import Expected, Read, at
from torch import nn


class DilatedConv(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.conv = nn.Conv1d(16, 24, 3, padding=2, dilation=2)
        self.classifier = nn.Linear(24, 3)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        return self.classifier(self.conv(hidden.transpose(1, 2))[:, :, 5])


EXPECTED = Expected(
    model=DilatedConv,
    reads=(Read("conv", "fixed", at(5), "conv[:, :, 5]"),),
    tokens=at(3, 5, 7),
)
