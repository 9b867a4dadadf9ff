"""The four examples of docs/adding-a-rule.md work as they stand: written into a copy of the sources, and asked."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .pages import ROOT

PAGE = (ROOT / "docs" / "adding-a-rule.md").read_text("utf-8")
#: "`path`:" or "A row of `TABLE` in `path`:", and the block of Python below it.
RECIPE = re.compile(
    r"^(?:A row of `(?P<table>\w+)` in )?`(?P<path>[\w/.]+)`:\n\n```python\n(?P<code>.*?)```$", re.M | re.S
)
#: Where the row of a table goes: in front of this.
PLACE = {"KINDS": '    "last_non_pad": Kind(\n', "PREFILTERS": "}\n\n\ndef rules_to_run("}

MODELS = '''"""Two models, one for the kind and one for the op."""
import torch


class Middle(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.head = torch.nn.Embedding(100, 8), torch.nn.Linear(8, 2)

    def forward(self, input_ids):
        hidden = self.embed(input_ids)
        return self.head(hidden[:, hidden.shape[1] // 2])


class Distance(Middle):
    def forward(self, input_ids):
        hidden = self.embed(input_ids)
        return torch.dist(hidden[:, 0], hidden[:, 2]) * self.head(hidden[:, 0])
'''


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of both packages with the page's examples in it, and beside it the files that are asked about."""
    folder = tmp_path_factory.mktemp("taught")
    for root in ("tracer", "reports"):
        shutil.copytree(ROOT / root, folder / root, ignore=shutil.ignore_patterns("__pycache__", "shipped"))
    for recipe in RECIPE.finditer(PAGE):
        file, code = folder / recipe["path"], recipe["code"]
        old = file.read_text("utf-8") if recipe["table"] else ""
        place = PLACE.get(recipe["table"], "")
        assert old.count(place) == 1
        file.write_text(old.replace(place, code + place) if old else code, "utf-8")
    (folder / "models.py").write_text(MODELS, "utf-8")
    (folder / "read.py").write_text("def pool(last_hidden_state):\n    return last_hidden_state[:, 1]\n", "utf-8")
    return folder


def asked(folder: Path, *arguments: str) -> str:
    """What the taught archtrace answers."""
    paths = os.pathsep.join(str(folder / root) for root in ("tracer", "reports"))
    environment = {**os.environ, "PYTHONPATH": paths, "XDG_CACHE_HOME": str(folder / "cache"), "COLUMNS": "200"}
    command = [sys.executable, "-m", "archtrace", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False).stdout


def test_the_page_shows_a_recipe_for_each() -> None:
    assert [recipe["table"] for recipe in RECIPE.finditer(PAGE)] == [None, "KINDS", None, "PREFILTERS", None]


def test_a_kind_an_op_and_a_format(taught: Path) -> None:
    assert asked(taught, "models.py:Middle", "models.py:Distance", "--format", "csv").splitlines() == [
        "target,slice,kind,status",
        'models.py:Middle,"embed[:, s // 2]",middle,exact',
        'models.py:Distance,"embed[:, [0, 2]]",other,exact',
    ]
    assert "op-without-rule" not in asked(taught, "models.py:Distance", "--format", "json")


def test_a_rule_of_check(taught: Path) -> None:
    found = asked(taught, "check", "--only", "source", "--output-format", "concise", "read.py")
    assert found == "read.py:2:12: AT999 index 1 is no special token; read index 0\n"
    assert "The second token is read." in asked(taught, "explain", "second-token")
