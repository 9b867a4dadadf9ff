"""Reads the output of a recurrence at the number of attended tokens less one, so none that comes later."""

from __future__ import annotations

import torch
from _expected import Expected, Read, at_count, up_to_count
from torch import nn


class LstmByLength(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.lstm = nn.LSTM(16, 12, batch_first=True)
        self.classifier = nn.Linear(12, 3)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        output, _ = self.lstm(hidden)
        index = attention_mask.sum(1) - 1
        return self.classifier(output.gather(1, index[:, None, None].expand(-1, 1, output.shape[-1])).squeeze(1))


EXPECTED = Expected(
    model=LstmByLength,
    reads=(Read("lstm", "other", at_count, "lstm[:, sum(attention_mask) - 1]", ("attention_mask",)),),
    tokens=up_to_count,
    leaks=True,
)
