"""Reads the token at the number of ids that are no padding, less one: wrong where padding is on the left."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from _expected import PAD, Expected, Layout, Read, Rows, one_each
from torch import nn


class PadCount(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.config = SimpleNamespace(pad_token_id=PAD)
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        index = (input_ids != self.config.pad_token_id).sum(-1) - 1
        return self.classifier(hidden[torch.arange(hidden.shape[0]), index])


def counted(layout: Layout) -> Rows:
    """The number of ids that are no padding, less one."""
    return one_each(((layout["input_ids"] != PAD).sum(1) - 1).tolist())


EXPECTED = Expected(
    model=PadCount,
    reads=(Read("embedding", "other", counted, "embedding[:, sum(input_ids != pad_token_id) - 1]", ("input_ids",)),),
    tokens=counted,
    moves=True,
)
