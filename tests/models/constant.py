"""Reads nothing: the logits are a bias."""

from __future__ import annotations

import torch
from _expected import Expected, nothing
from torch import nn


class Constant(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        self.embedding(input_ids)
        return self.bias.expand(input_ids.shape[0], -1)


EXPECTED = Expected(
    model=Constant,
    reads=(),
    tokens=nothing,
    dead=("embedding.weight",),
)
