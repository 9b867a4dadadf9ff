"""Reads the last eos token, picked by a mask; every row needs as many of them."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from _expected import EOS, PAD, Expected, Layout, Read, Rows, rows
from torch import nn


class EosSelect(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.config = SimpleNamespace(pad_token_id=PAD, eos_token_id=EOS)
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        ends = hidden[input_ids == self.config.eos_token_id]
        return self.classifier(ends.view(hidden.shape[0], -1, hidden.shape[-1])[:, -1])


def last_eos(layout: Layout) -> Rows:
    """The last position of the eos id."""
    return tuple(row[-1:] for row in rows(layout["input_ids"] == EOS))


EXPECTED = Expected(
    model=EosSelect,
    reads=(Read("embedding", "last_eos", last_eos, "embedding[input_ids == eos_token_id][:, -1]", ("input_ids",)),),
    tokens=last_eos,
    refused=("no_eos",),
)
