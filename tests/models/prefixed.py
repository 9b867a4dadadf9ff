"""Reads the last position behind learned vectors, which the last token takes: a pad where padding is on the right."""

from __future__ import annotations

import torch
from _expected import Expected, Layout, Read, Rows, at
from torch import nn


class Prefixed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.mix = nn.Embedding(64, 16), nn.Linear(16, 16)
        self.prefix = nn.Parameter(torch.randn(3, 16))
        self.classifier = nn.Linear(32, 3)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        prefix = self.prefix.expand(len(input_ids), 3, 16)
        hidden = self.mix(torch.cat([prefix, self.embedding(input_ids)], 1))
        return self.classifier(torch.cat([hidden[:, 0], hidden[:, -1]], -1))


def _ends(layout: Layout) -> Rows:
    rows, length = layout["input_ids"].shape
    return ((0, length + 2),) * rows


EXPECTED = Expected(
    model=Prefixed,
    reads=(Read("mix", "other", _ends, "mix[:, [0, -1]]"),),
    tokens=at(-1),
    reads_padding=("right_padded", "masked_tail"),
)
