"""Reads two texts through one encoder: the mean of each over its own mask."""

from __future__ import annotations

import torch
from _expected import Expected, Layout, Read, Rows, rows
from torch import nn


class Siamese(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.mix = nn.Embedding(64, 16), nn.Linear(16, 16)
        self.classifier = nn.Linear(48, 3)

    def forward(
        self,
        input_ids_a: torch.Tensor,
        attention_mask_a: torch.Tensor,
        input_ids_b: torch.Tensor,
        attention_mask_b: torch.Tensor,
    ) -> torch.Tensor:
        texts = (input_ids_a, attention_mask_a), (input_ids_b, attention_mask_b)
        encoded = [(torch.tanh(self.mix(self.embedding(ids))), mask[..., None]) for ids, mask in texts]
        one, other = [(hidden * mask).sum(1) / mask.sum(1) for hidden, mask in encoded]
        return self.classifier(torch.cat([one, other, (one - other).abs()], -1))


def _first(layout: Layout) -> Rows:
    return rows(layout["attention_mask_a"] != 0)


def _second(layout: Layout) -> Rows:
    return rows(layout["attention_mask_b"] != 0)


EXPECTED = Expected(
    model=Siamese,
    reads=(
        Read(
            "mix (call 1)", "masked_mean", _first, "mix (call 1).mean(1, where=attention_mask_a)", ("attention_mask_a",)
        ),
        Read(
            "mix (call 2)",
            "masked_mean",
            _second,
            "mix (call 2).mean(1, where=attention_mask_b)",
            ("attention_mask_b",),
        ),
    ),
    tokens=_first,
    others={"input_ids_b": _second},
    ids="input_ids_a",
)
