"""--declared: the models of pyproject.toml, asked about as their contracts say."""

from __future__ import annotations

import json
from pathlib import Path

from .conftest import archtrace

MODEL = """
import torch


class Tiny(torch.nn.Module):
    def __init__(self, config=None, num_labels=2):
        super().__init__()
        self.embed, self.score = torch.nn.Embedding(32, 8), torch.nn.Linear(8, num_labels)

    def forward(self, input_ids, attention_mask):
        return self.score(self.embed(input_ids)[:, 0])
"""
#: Code in src, a library model under a small config, and one that is not there.
TABLES = """
[tool.archtrace.models.tiny]
target = "pack.models:Tiny"
reads = "last"

[tool.archtrace.models.small]
target = "bert"
num_labels = 3
config = { num_hidden_layers = 1, hidden_size = 24, num_attention_heads = 2, intermediate_size = 32 }

[tool.archtrace.models.gone]
target = "./gone"
"""


def project(folder: Path) -> Path:
    """A project that declares them."""
    (folder / "src" / "pack").mkdir(parents=True)
    (folder / "src" / "pack" / "__init__.py").touch()
    (folder / "src" / "pack" / "models.py").write_text(MODEL, "utf-8")
    (folder / "pyproject.toml").write_text(TABLES, "utf-8")
    return folder


def test_each_is_asked_about_as_its_contract_says(tmp_path: Path) -> None:
    folder = project(tmp_path)
    done = archtrace("--declared", "-o", "answers.json", cwd=folder)
    assert done.returncode == 2
    found = json.loads((folder / "answers.json").read_text("utf-8"))
    tiny, small = found["results"]
    assert (tiny["target"], tiny["readouts"][0]["slice"]) == ("pack.models:Tiny", "embed[:, 0]")
    assert small["parameters"] == 25
    assert [one["target"] for one in found["unanswered"]] == ["./gone"]
    told = archtrace("diff", "answers.json", "answers.json", "--format", "markdown", cwd=folder).stdout
    assert told.startswith("**0 of 3 models changed.**\n")
    assert "| `./gone` | answered on neither side: no folder gone" in told


def test_what_cannot_be_meant_is_refused_before_any_work(tmp_path: Path) -> None:
    folder = project(tmp_path / "project")
    for place, arguments, why in (
        (tmp_path, (), "--declared finds no model: "),
        (folder / "src", (), f"--declared reads pyproject.toml of the current folder: run it in {folder}"),
        (folder, ("bert",), "--declared asks about the models of pyproject.toml: give it without targets"),
    ):
        done = archtrace("--declared", *arguments, cwd=place)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"Error: {why}" in done.stderr
