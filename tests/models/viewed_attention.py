"""Reads the first vector of an attention whose heads are joined by `contiguous().view()`, in any order in memory."""

from __future__ import annotations

import torch
from _expected import Expected, Read, at
from masked_attention_first import attended_and_asking
from torch import nn
from torch.nn import functional


class ViewedAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.projection = nn.Linear(16, 48)
        self.output = nn.Linear(16, 16)
        self.classifier = nn.Linear(16, 3)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        rows, length = input_ids.shape
        parts = self.projection(self.embedding(input_ids)).view(rows, length, 3, 2, 8)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        mask = attention_mask[:, None, None, :].bool().expand(rows, 1, length, length)
        heads = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.classifier(self.output(heads.transpose(1, 2).contiguous().view(rows, length, 16))[:, 0])


EXPECTED = Expected(
    model=ViewedAttention,
    reads=(Read("output", "first", at(0), "output[:, 0]"),),
    tokens=attended_and_asking,
    reads_padding=("left_padded",),
)
