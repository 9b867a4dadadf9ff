"""Reads the largest, feature by feature, of the attended tokens."""

from __future__ import annotations

import torch
from _expected import Expected, Read, attended
from torch import nn


class MaskedMaximum(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        hidden = hidden.masked_fill(attention_mask.unsqueeze(-1) == 0, float("-inf"))
        return self.classifier(hidden.amax(1))


EXPECTED = Expected(
    model=MaskedMaximum,
    reads=(Read("embedding", "max", attended, "embedding.amax(1, where=attention_mask)", ("attention_mask",)),),
    tokens=attended,
)
