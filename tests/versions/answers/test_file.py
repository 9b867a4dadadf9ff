"""A class in a user's file, on a backbone of the library."""

from __future__ import annotations

from pathlib import Path

import archtrace

FILE = '''
import torch
from torch import nn
from transformers import BertConfig, BertModel


class Mine(nn.Module):
    """A masked mean over BERT's states."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = BertModel(BertConfig(num_hidden_layers=1), add_pooling_layer=False)
        self.head = nn.Linear(768, 3)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        states = self.encoder(input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(states.dtype)
        return self.head((states * mask).sum(1) / mask.sum(1))
'''


def test_a_class_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(FILE)
    trace = archtrace.trace(f"{tmp_path / 'mine.py'}:Mine")
    assert [readout.kind for readout in trace.readouts] == ["masked_mean"]
    assert trace.result.status == "exact"
    assert trace.at(input_ids=[[5, 6, 7, 0]], attention_mask=[[1, 1, 1, 0]]).tokens == ((0, 1, 2),)
