"""Reads the last output of a recurrence whose tensors have positions before rows."""

from __future__ import annotations

import torch
from _expected import Expected, Read, at, every
from torch import nn


class LstmSeqFirst(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.lstm = nn.LSTM(16, 12)
        self.classifier = nn.Linear(12, 3)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        output, _ = self.lstm(hidden.transpose(0, 1))
        return self.classifier(output[-1])


EXPECTED = Expected(
    model=LstmSeqFirst,
    reads=(Read("lstm", "last", at(-1), "lstm[-1]"),),
    tokens=every,
)
