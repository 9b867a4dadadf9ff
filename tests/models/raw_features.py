"""Reads the mean of the features that it is given, with no module before it."""

from __future__ import annotations

import torch
from _expected import Expected, Read, every
from torch import nn


class RawFeatures(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.classifier = nn.Linear(16, 3)

    def forward(self, inputs_embeds: torch.Tensor) -> torch.Tensor:
        return self.classifier(inputs_embeds.mean(1))


EXPECTED = Expected(
    model=RawFeatures,
    reads=(Read("inputs_embeds", "mean", every, "inputs_embeds.mean(1)"),),
    tokens=every,
    ids="inputs_embeds",
    embedding="",
    inputs={"inputs_embeds": torch.zeros(2, 7, 16)},
)
