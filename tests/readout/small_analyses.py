"""Small models analysed in one layout: two rows of five tokens, of which five and three are no padding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from archtrace.capture.run import capture
from archtrace.reach.bound import Bound, compute_bound
from archtrace.reach.interpreter import Interpreter
from archtrace.reach.rules.registry import has_rule
from archtrace.readout.analysis import Analysis, Programs

#: No two ids are alike but the pads; 2 stands at the end of each text.
IDS = torch.tensor([[5, 6, 7, 8, 2], [9, 10, 2, 0, 0]])
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
LAYOUT = {"input_ids": IDS, "attention_mask": MASK}
LENGTH, WIDTH = 5, 8

#: Makes what is scored of the model, its hidden states, its ids and its mask.
Head = Callable[[Any, Tensor, Tensor, Tensor], Tensor]


class TinyClassifier(nn.Module):
    """An embedding, a position-wise mix, what a head makes of it, and a score."""

    def __init__(self, head: Head) -> None:
        super().__init__()
        self.embed, self.mix, self.score = nn.Embedding(32, WIDTH), nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 2)
        self.conv, self.lstm = nn.Conv1d(WIDTH, WIDTH, 3, padding=1), nn.LSTM(WIDTH, WIDTH, batch_first=True)
        self.front, self.head = nn.Parameter(torch.randn(1, 1, WIDTH)), head

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        logits: Tensor = self.score(self.head(self, self.mix(self.embed(input_ids)), input_ids, attention_mask))
        return logits

    def fronted(self, hidden: Tensor) -> Tensor:
        """The hidden states behind a learned vector."""
        return torch.cat([self.front.expand(len(hidden), 1, -1), hidden], 1)


def analysis_of(head: Head, model: type[TinyClassifier] = TinyClassifier) -> Analysis:
    """The analysis of a model with a head."""
    return Analysis(Programs((model(head).eval(), {})), {"full": LAYOUT}, "input_ids")


def bound_of(module: nn.Module) -> Bound:
    """The bound of any module of the same inputs."""
    program = capture(module.eval(), {}, LAYOUT, has_rule, None, "input_ids")
    return compute_bound(Interpreter(), program, LAYOUT, {"input_ids"})
