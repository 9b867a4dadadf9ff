"""Reads the first of the features that it is given instead of ids."""

from __future__ import annotations

import torch
from _expected import Expected, Read, at
from torch import nn


class GivenEmbeddings(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(16, 16)
        self.classifier = nn.Linear(16, 3)

    def forward(self, inputs_embeds: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.dense(inputs_embeds).tanh()[:, 0])


EXPECTED = Expected(
    model=GivenEmbeddings,
    reads=(Read("dense", "first", at(0), "dense[:, 0]"),),
    tokens=at(0),
    ids="inputs_embeds",
    embedding="",
    inputs={"inputs_embeds": torch.zeros(2, 7, 16)},
)
