"""Reads the first token of torch's own encoder, whose fused path a run without gradients takes."""

from __future__ import annotations

import torch
from _expected import Expected, Read, at, attended_and_first
from torch import nn


class FastPath(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        return self.classifier(self.encoder(hidden, src_key_padding_mask=attention_mask == 0)[:, 0])


EXPECTED = Expected(
    model=FastPath,
    reads=(Read("encoder", "first", at(0), "encoder[:, 0]"),),
    tokens=attended_and_first,
    reads_padding=("left_padded",),
)
