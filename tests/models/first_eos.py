"""Reads the first eos token of each row, and nothing of a row without one."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from _expected import EOS, PAD, Expected, Layout, Read, Rows, rows
from torch import nn


class FirstEos(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.config = SimpleNamespace(pad_token_id=PAD, eos_token_id=EOS)
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        ends = (input_ids == self.config.eos_token_id).long()
        first = ends * (ends.cumsum(1) == 1)
        return self.classifier((self.embedding(input_ids) * first.unsqueeze(-1)).sum(1))


def first_eos(layout: Layout) -> Rows:
    """The first position of the eos id."""
    return tuple(row[:1] for row in rows(layout["input_ids"] == EOS))


EXPECTED = Expected(
    model=FirstEos,
    reads=(Read("embedding", "first_eos", first_eos, "some of embedding", ("input_ids",)),),
    tokens=first_eos,
)
