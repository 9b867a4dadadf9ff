"""Reads the mean of each chunk of a document over its own mask, and the mean of the chunks."""

from __future__ import annotations

import torch
from _expected import Expected, Layout, Read, Rows, rows
from torch import nn


class Folded(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.mix = nn.Embedding(64, 16), nn.Linear(16, 16)
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        documents, chunks, length = input_ids.shape
        hidden = self.mix(self.embedding(input_ids.view(-1, length)))
        kept = attention_mask.view(-1, length, 1)
        pooled = (hidden * kept).sum(1) / kept.sum(1)
        return self.classifier(pooled.view(documents, chunks, -1).mean(1))


def _attended(layout: Layout) -> Rows:
    return rows(layout["attention_mask"].flatten(0, 1) != 0)


EXPECTED = Expected(
    model=Folded,
    reads=(Read("mix", "masked_mean", _attended, "mix.mean(1, where=attention_mask)", ("attention_mask",)),),
    tokens=_attended,
    texts=3,
)
