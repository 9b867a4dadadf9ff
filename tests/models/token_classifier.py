"""Reads the mean of logits that each token has of its own."""

from __future__ import annotations

import torch
from _expected import PADDED, Expected, Read, every
from torch import nn


class TokenClassifier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        return self.classifier(hidden).mean(1)


EXPECTED = Expected(
    model=TokenClassifier,
    reads=(Read("classifier", "mean", every, "classifier.mean(1)"),),
    tokens=every,
    reads_padding=PADDED,
)
