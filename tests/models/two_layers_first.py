"""Reads the first token of the last two layers."""

from __future__ import annotations

import torch
from _expected import Expected, Read, at, attended_and_first
from torch import nn


class TwoLayersFirst(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.layers = nn.ModuleList(nn.TransformerEncoderLayer(16, 4, 32, batch_first=True) for _ in range(2))
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        padding = attention_mask == 0
        below = self.layers[0](hidden, src_key_padding_mask=padding)
        above = self.layers[1](below, src_key_padding_mask=padding)
        return self.classifier((below[:, 0] + above[:, 0]) / 2)


EXPECTED = Expected(
    model=TwoLayersFirst,
    reads=(
        Read("layers.0", "first", at(0), "layers.0[:, 0]"),
        Read("layers.1", "first", at(0), "layers.1[:, 0]"),
    ),
    tokens=attended_and_first,
    reads_padding=("left_padded",),
)
