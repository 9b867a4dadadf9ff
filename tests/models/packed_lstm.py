"""Reads the final state of a recurrence over as many tokens as are attended, from the first on."""

from __future__ import annotations

import torch
from _expected import Expected, Read, up_to_count
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence


class PackedLstm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.lstm = nn.LSTM(16, 12, batch_first=True)
        self.classifier = nn.Linear(12, 3)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        lengths = attention_mask.sum(1).cpu()
        packed = pack_padded_sequence(hidden, lengths, batch_first=True, enforce_sorted=False)
        _, (state, _) = self.lstm(packed)
        return self.classifier(state[-1])


EXPECTED = Expected(
    model=PackedLstm,
    reads=(Read("embedding", "other", up_to_count, "some of embedding", ("attention_mask",)),),
    tokens=up_to_count,
    reads_padding=("left_padded", "padded_inside"),
)
