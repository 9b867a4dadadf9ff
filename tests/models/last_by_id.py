"""Reads the last token whose id is not the pad id."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from _expected import PAD, Expected, Layout, Read, Rows, rows
from torch import nn


class LastById(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.config = SimpleNamespace(pad_token_id=PAD)
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        places = torch.arange(input_ids.shape[1]) * (input_ids != self.config.pad_token_id).int()
        return self.classifier(hidden[torch.arange(hidden.shape[0]), places.argmax(-1)])


def last(layout: Layout) -> Rows:
    """The last position that is no padding."""
    return tuple(row[-1:] for row in rows(layout["input_ids"] != PAD))


EXPECTED = Expected(
    model=LastById,
    reads=(
        Read(
            "embedding",
            "last_non_pad",
            last,
            "embedding[:, argmax(arange(s) * (input_ids != pad_token_id))]",
            ("input_ids",),
        ),
    ),
    tokens=last,
)
