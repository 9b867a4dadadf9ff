"""Finite changes: other values for some elements of a program's nodes, and which rows of the logits move.

A gradient shows nothing behind an argmax, a rounding, a saturated or sparse op; a change large enough does. What is
asked of a change is only whether the logits move at all, so that its form is free.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias

import numpy as np
import torch

from archtrace.capture.program import Program
from archtrace.reach.marks import Marks
from archtrace.witness.numeric import NOISE, Values, run

#: Per node a boolean array of its shape: the elements to change.
Chosen: TypeAlias = Mapping[int, Any]
#: From a value to another one of its shape.
Change: TypeAlias = Callable[[torch.Tensor], torch.Tensor]


def _noise(size: float) -> Change:
    def change(value: torch.Tensor) -> torch.Tensor:
        generator = torch.Generator().manual_seed(7)
        return value + size * torch.randn(value.shape, generator=generator, dtype=torch.float64)

    return change


def _swapped(value: torch.Tensor) -> torch.Tensor:
    """Another position's value: what a maximum, a sort or a hash tells apart from the own one."""
    return value.roll(1, 1) if value.ndim > 1 else value.flip(0)


#: In order of how often they show something. Their sizes stay far below the masks of -1e4 (values.MINUS_INFINITY).
CHANGES: tuple[Change, ...] = (lambda v: -1.7 * v + 0.9, _noise(1.0), _noise(30.0), _swapped, _noise(0.1))
#: Of these the ones that are tried outside the bound.
LARGE = (CHANGES[0], CHANGES[2])


class Bench:
    """One program with one draw of parameters in one layout, to be changed and looked at."""

    def __init__(self, program: Program, given: Values, layout: Mapping[str, torch.Tensor]) -> None:
        self._program, self._given, self._layout = program, given, layout
        with torch.no_grad():
            self.values = run(program, given, layout, {})

    def moved(self, chosen: Chosen, change: Change, held: Collection[int] = ()) -> Marks:
        """Which rows of the logits move when the chosen elements change; `held` nodes keep their values."""
        kept = {n: _constant(self.values[n]) for n in held if n not in chosen}
        return self._run({**kept, **{node: _changed(mask, change) for node, mask in chosen.items()}})

    def put(self, node: int, value: torch.Tensor) -> Marks:
        """Which rows of the logits move when a node has another value."""
        return self._run({node: _constant(value)})

    def _run(self, change: Mapping[int, Callable[[Any], Any]]) -> Marks:
        with torch.no_grad():
            after = run(self._program, self._given, self._layout, change)[self._program.output]
        before = self.values[self._program.output]
        shift = (after - before).abs().flatten(1)
        # Not a number is no witness: infinity times zero is one, wherever the zero stands.
        shift = torch.where(torch.isfinite(shift), shift, torch.zeros_like(shift))
        scale = before[torch.isfinite(before)].abs().amax() if bool(torch.isfinite(before).any()) else torch.ones(())
        shown: Marks = (shift.amax(1) > scale.clamp_min(1.0) * NOISE).numpy()
        return shown


def _constant(value: Any) -> Callable[[Any], Any]:
    return lambda _: value


def _changed(mask: Any, change: Change) -> Change:
    where = torch.from_numpy(np.ascontiguousarray(mask))

    def apply(value: torch.Tensor) -> torch.Tensor:
        return torch.where(where, change(value).to(value.dtype), value) if value.is_floating_point() else value

    return apply
