"""Reads a weighted mean of the attended tokens, whose weights come from the tokens themselves."""

from __future__ import annotations

import torch
from _expected import Expected, Read, attended
from torch import nn


class AttentionPooling(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.score = nn.Linear(16, 1, bias=False)
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        scores = self.score(hidden).squeeze(-1).masked_fill(attention_mask == 0, float("-inf"))
        return self.classifier((scores.softmax(-1).unsqueeze(-1) * hidden).sum(1))


EXPECTED = Expected(
    model=AttentionPooling,
    reads=(
        Read("embedding", "attention", attended, "attention over embedding[attention_mask != 0]", ("attention_mask",)),
    ),
    tokens=attended,
)
