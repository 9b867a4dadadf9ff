"""Inputs of every sort that a trace can be given: rows, lengths, where padding stands, and the mask's type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from programs.part import PAD, VOCABULARY, Choose


class Specials(Protocol):
    """What knows its special ids."""

    @property
    def specials(self) -> set[int]: ...


@dataclass(frozen=True)
class Inputs:
    """One layout to be given to trace: `real` says how many tokens of each row are no padding."""

    length: int
    real: tuple[int, ...]
    side: str
    pads_ids: bool
    kind: str
    specials: tuple[tuple[int, int, int], ...]

    def tensors(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The ids and the mask, each (rows, length)."""
        rows = len(self.real)
        ids = (torch.arange(rows * self.length) * 5 % (VOCABULARY - 8) + 8).reshape(rows, self.length)
        mask = torch.stack([self._row(n) for n in self.real])
        if self.pads_ids:
            ids[mask == 0] = PAD
        for row, at, special in self.specials:
            ids[row, at] = special
        return ids, mask.to(getattr(torch, self.kind))

    def _row(self, real: int) -> torch.Tensor:
        at = torch.arange(self.length)
        starts = {"right": 0, "left": self.length - real}
        if self.side == "inside":
            return ((at < 1) | (at > self.length - real)).long()
        return ((at >= starts[self.side]) & (at < starts[self.side] + real)).long()


def drawn_inputs(choose: Choose, program: Specials) -> Inputs:
    """Draw inputs in which the program's special ids come up, or do not."""
    length, rows = choose((6, 9, 11)), choose((2, 1, 3))
    real = tuple(length - choose((0, 1, 2)) for _ in range(rows))
    places: Sequence[tuple[int, int, int]] = [
        (row, choose(range(length)), special)
        for row in range(rows)
        for special in sorted(program.specials)
        if choose((True, False))
    ]
    side, pads = choose(("right", "left", "inside")), choose((True, False))
    return Inputs(length, real, side, pads, choose(("int64", "int32", "bool")), tuple(places))


def shown(layout: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """A layout's inputs, as a result lists them, as tensors again."""
    return {name: torch.as_tensor(value) for name, value in layout.items()}
