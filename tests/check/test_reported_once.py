"""The source rule and the graph rule of a code see the same mistake of a declared model: it is told once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Ask = Callable[..., Any]

MODEL = """import torch
from torch import nn


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.score = nn.Embedding(64, 8), nn.Linear(8, 2)

    def forward(self, input_ids, attention_mask):
        hidden = self.embed(input_ids)
        last = attention_mask.sum(1) - 1
        return self.score(hidden[torch.arange(len(hidden)), last])
"""
CONTRACT = '[tool.archtrace.models.mine]\ntarget = "counted.py:Classifier"\npadding = "either"\n'


def test_a_mistake_that_both_parts_see_is_told_once(ask: Ask, tmp_path: Path) -> None:
    """At the index, with its fix; where the source rule is not asked, at the read."""
    (tmp_path / "counted.py").write_text(MODEL)
    (tmp_path / "pyproject.toml").write_text(CONTRACT)
    both, source, contract = ask("check"), ask("check", "--only", "source"), ask("check", "--only", "contracts")
    assert both.code == source.code == contract.code == 1
    assert both.out == source.out
    assert both.out.startswith("counted.py:12:16: AT001 [*] ")
    assert contract.out.startswith("counted.py:13:27: AT001 mine reads ")
    assert contract.out.count("\n") == both.out.count("\n") == 1


def test_what_one_part_alone_sees_stands_beside_it(ask: Ask, tmp_path: Path) -> None:
    """Another function of the same file has another mistake of the same code."""
    other = "\n\ndef pool(hidden_states, attention_mask):\n    return hidden_states[:, attention_mask.sum(1) - 1]\n"
    hidden = MODEL.replace("attention_mask.sum(1) - 1", "self.count(attention_mask) - 1") + (
        "\n    def count(self, numbers):\n        return numbers.cumsum(1)[:, -1]\n"
    )
    (tmp_path / "counted.py").write_text(hidden + other)
    (tmp_path / "pyproject.toml").write_text(CONTRACT)
    assert [line.split(":")[1] for line in ask("check").out.splitlines()] == ["20", "13"]
