"""Reads the first token of an answer that attends to all of a question."""

from __future__ import annotations

import torch
from _expected import Expected, Layout, Read, Rows, at, rows
from torch import nn


class CrossAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 16)
        self.cross = nn.MultiheadAttention(16, 2, batch_first=True)
        self.classifier = nn.Linear(16, 3)

    def forward(
        self, question_ids: torch.Tensor, question_mask: torch.Tensor, answer_ids: torch.Tensor
    ) -> torch.Tensor:
        question, answer = self.embedding(question_ids), self.embedding(answer_ids)
        looked_up, _ = self.cross(answer, question, question, key_padding_mask=question_mask == 0)
        return self.classifier(looked_up[:, 0])


def _attended(layout: Layout) -> Rows:
    return rows(layout["question_mask"] != 0)


EXPECTED = Expected(
    model=CrossAttention,
    reads=(Read("cross", "first", at(0), "cross[:, 0]"),),
    tokens=_attended,
    others={"answer_ids": at(0)},
    ids="question_ids",
)
