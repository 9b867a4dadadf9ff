"""Reads the first token after attention whose mask is a large negative number added to the scores."""

from __future__ import annotations

import torch
from _expected import Expected, Layout, Read, Rows, at, rows
from torch import nn


class MaskedAttentionFirst(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.project = nn.Linear(16, 48)
        self.output = nn.Linear(16, 16)
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        query, key, value = self.project(hidden).chunk(3, -1)
        scores = query @ key.transpose(1, 2) / 4
        scores = scores + (1.0 - attention_mask[:, None, :].to(scores.dtype)) * -1e4
        return self.classifier(self.output(scores.softmax(-1) @ value)[:, 0])


def attended_and_asking(layout: Layout) -> Rows:
    """The attended tokens, and the first, which asks: unless one alone is attended, which has all weight then."""
    kept = layout["attention_mask"] != 0
    kept[:, 0] |= kept.sum(1) > 1
    return rows(kept)


EXPECTED = Expected(
    model=MaskedAttentionFirst,
    reads=(Read("output", "first", at(0), "output[:, 0]"),),
    tokens=attended_and_asking,
    reads_padding=("left_padded",),
)
