"""Contracts of models with two heads, two texts, documents of chunks, vectors in front: written by --update, they hold,
and break when the model changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_contracts import Project

HEAD = """
import torch


class Classifier(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(64, 8)
        self.mix = torch.nn.Linear(8, 8)
        self.start = torch.nn.Parameter(torch.randn(1, 8))
        self.score = torch.nn.Linear(8, 2)
        self.slots = torch.nn.Linear(8, 5)
"""
MEAN = "(h * m).sum(1) / m.sum(1)"
#: name -> a forward, what --update writes of what it reads, what is changed in the code, and how that is told.
MODELS = {
    "two heads": (
        """
    def forward(self, input_ids, attention_mask):
        h = self.mix(self.embed(input_ids))
        return {"intent": self.score(h[:, 0]), "slots": self.slots(h)}
""",
        'reads = "mix[:, 0]"',
        ("h[:, 0]", "h[:, 1]"),
        "was `mix[:, 0]`, is now `mix[:, 1]`",
    ),
    "two texts": (
        """
    def forward(self, left, left_mask, right, right_mask):
        a = self.mix(self.embed(left))[:, 0]
        h, m = self.mix(self.embed(right)), right_mask.unsqueeze(-1)
        return self.score(self.start + a + (h * m).sum(1) / m.sum(1)) + self.slots(a)[:, :2]
""",
        'reads = ["mix (call 1)[:, 0]", "masked_mean"]',
        ("right_mask.unsqueeze(-1)", "torch.ones_like(right_mask).unsqueeze(-1)"),
        "was the masked mean of the hidden states, is now the mean of mix (call 2) over all positions",
    ),
    "chunks": (
        """
    def forward(self, input_ids, attention_mask):
        b, c, n = input_ids.shape
        h, m = self.mix(self.embed(input_ids.view(-1, n))), attention_mask.view(-1, n, 1)
        p = ((h * m).sum(1) / m.sum(1)).view(b, c, 8).mean(1)
        return self.score(self.start + p) + self.slots(p)[:, :2]
""",
        'reads = "masked_mean"',
        ("(h * m).sum(1) / m.sum(1)", "h[:, 0]"),
        "was the masked mean of the hidden states, is now index 0 of mix (`mix[:, 0]`)",
    ),
    "vectors in front": (
        """
    def forward(self, input_ids, attention_mask):
        x = self.embed(input_ids)
        h = self.mix(torch.cat([self.start.expand(len(x), 1, 8), x], 1))
        return self.score(h[:, 1]) + self.slots(h[:, 1])[:, :2]
""",
        'reads = "mix[:, 1]"',
        ("h[:, 1]", "h[:, 0]"),
        "was `mix[:, 1]`, is now index 0 of mix (`mix[:, 0]`)",
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_written_held_and_broken(name: str, tmp_path: Path) -> None:
    forward, reads, (old, new), told = MODELS[name]
    project = Project(tmp_path)
    project.write("models.py", HEAD + forward)
    project.write("pyproject.toml", '[tool.archtrace.models.mine]\ntarget = "models.py:Classifier"\n')
    done = project.check("--update", "--only", "contracts")
    text = (project.folder / "pyproject.toml").read_text()
    assert reads in text.splitlines(), (text, done.stderr)
    assert project.check("--only", "contracts", "--ignore", "AT0").returncode == 0
    assert old in forward
    project.write("models.py", HEAD + forward.replace(old, new))
    done = project.check("--only", "contracts")
    assert done.returncode == 1
    assert told in done.stdout
