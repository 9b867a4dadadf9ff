"""What the tests of fixes share: a source mended, and run on the same texts padded on the right and on the left."""

from __future__ import annotations

import torch
from hypothesis import strategies as st

from archtrace_lint import check_source, fixed

PAD = 0

AROUND = """
import numpy as np
import torch

def last(self, logits, ids, attention_mask, rows, batch):
    {}
"""


def mend(source: str) -> str:
    """The source with all its fixes."""
    return fixed(source, check_source("example.py", source))


def run(source: str, ids: torch.Tensor) -> torch.Tensor:
    """The position that `last` reads in each row."""
    scope: dict[str, object] = {}
    exec(compile(source, "example", "exec"), scope)
    positions = torch.arange(ids.shape[1]).expand(ids.shape)
    return scope["last"](positions, ids, (ids != PAD).long(), PAD)  # type: ignore[operator]


@st.composite
def batches(draw: st.DrawFn) -> tuple[torch.Tensor, torch.Tensor]:
    """The same texts, padded on the right and on the left; each has a token, one fills the row."""
    width = draw(st.integers(1, 9))
    lengths = [width, *draw(st.lists(st.integers(1, width), max_size=4))]
    rows = [draw(st.lists(st.integers(1, 5), min_size=n, max_size=n)) for n in lengths]
    right = torch.tensor([row + [PAD] * (width - len(row)) for row in rows])
    left = torch.tensor([[PAD] * (width - len(row)) + row for row in rows])
    return right, left
