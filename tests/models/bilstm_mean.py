"""Reads the mean of a recurrence in both directions."""

from __future__ import annotations

import torch
from _expected import Expected, Read, every
from torch import nn


class BilstmMean(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.lstm = nn.LSTM(16, 12, batch_first=True, bidirectional=True)
        self.classifier = nn.Linear(24, 3)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        output, _ = self.lstm(hidden)
        return self.classifier(output.mean(1))


EXPECTED = Expected(
    model=BilstmMean,
    reads=(Read("lstm", "mean", every, "lstm.mean(1)"),),
    tokens=every,
)
