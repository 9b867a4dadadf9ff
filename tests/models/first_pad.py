"""Reads the token before the first padding; without any, index -1 happens to be the last."""

from __future__ import annotations

import torch
from _expected import PAD, Expected, Layout, Read, Rows, one_each
from torch import nn


class FirstPad(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.pad_token_id = PAD
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        index = (input_ids == self.pad_token_id).int().argmax(-1) - 1
        return self.classifier(hidden[torch.arange(hidden.shape[0]), index])


def before(layout: Layout) -> Rows:
    """The position before the first padding, counted round the end."""
    padding = (layout["input_ids"] == PAD).int()
    return one_each(((padding.argmax(1) - 1) % padding.shape[1]).tolist())


EXPECTED = Expected(
    model=FirstPad,
    reads=(Read("embedding", "other", before, "embedding[:, argmax(input_ids == pad_token_id) - 1]", ("input_ids",)),),
    tokens=before,
)
