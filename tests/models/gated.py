"""Reads the attended tokens, each as far as a gate of its own lets it through."""

from __future__ import annotations

import torch
from _expected import Expected, Read, attended
from torch import nn


class Gated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.gate = nn.Linear(16, 16)
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        gate = self.gate(hidden).sigmoid() * attention_mask.unsqueeze(-1)
        return self.classifier((gate * hidden).sum(1) / gate.sum(1))


EXPECTED = Expected(
    model=Gated,
    reads=(Read("embedding", "all", attended, "embedding[attention_mask != 0]", ("attention_mask",)),),
    tokens=attended,
)
