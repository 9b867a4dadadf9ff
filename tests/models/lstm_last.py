"""Reads the last output of a recurrence over all tokens, padding included."""

from __future__ import annotations

import torch
from _expected import Expected, Read, at, every
from torch import nn


class LstmLast(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.lstm = nn.LSTM(16, 12, num_layers=2, batch_first=True)
        self.classifier = nn.Linear(12, 3)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        output, _ = self.lstm(hidden)
        return self.classifier(output[:, -1])


EXPECTED = Expected(
    model=LstmLast,
    reads=(Read("lstm", "last", at(-1), "lstm[:, -1]"),),
    tokens=every,
    leaks=True,
    reads_padding=("right_padded", "masked_tail"),
)
