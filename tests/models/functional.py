"""Reads the mean of all tokens, looked up without a module."""

from __future__ import annotations

import torch
from _expected import Expected, Read, every
from torch import nn


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(64, 16))
        self.weight = nn.Parameter(torch.randn(3, 16))

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return nn.functional.linear(self.table[input_ids].mean(1), self.weight)


EXPECTED = Expected(
    model=Functional,
    reads=(Read("self.table[input_ids]", "mean", every, "self.table[input_ids].mean(1)"),),
    tokens=every,
    embedding="",
)
