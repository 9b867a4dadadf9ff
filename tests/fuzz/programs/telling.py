"""How a program is told what is padding: every forward begins by making `attention_mask` of what it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from programs.part import PAD


@dataclass(frozen=True)
class Telling:
    """The second input's name (none: the ids tell), the line that makes a mask of it, and how it is made of a mask."""

    name: str
    line: str
    made: Callable[[torch.Tensor], torch.Tensor]
    specials: frozenset[int] = frozenset()

    @property
    def signature(self) -> str:
        """The forward's first line."""
        return f"    def forward({', '.join(filter(None, ('self', 'input_ids', self.name)))}):"

    def inputs(self, ids: torch.Tensor, mask: torch.Tensor) -> dict[str, torch.Tensor]:
        """What the forward is given."""
        return {"input_ids": ids} | ({self.name: self.made(mask)} if self.name else {})


TELLING: Mapping[str, Telling] = {
    "mask": Telling("attention_mask", "", lambda mask: mask),
    "ids": Telling("", f"attention_mask = (input_ids != {PAD}).long()", lambda mask: mask, frozenset({PAD})),
    "lengths": Telling(
        "lengths",
        "attention_mask = (torch.arange(input_ids.shape[1]) < lengths[:, None]).long()",
        lambda mask: mask.long().sum(1),
    ),
    "padding_mask": Telling("key_padding_mask", "attention_mask = (~key_padding_mask).long()", lambda mask: mask == 0),
}
