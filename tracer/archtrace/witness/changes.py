"""Finite changes: other values for some elements of a program's nodes, and which rows of the logits move.

A gradient shows nothing behind an argmax, a rounding, a saturated or sparse op; a change large enough does. What is
asked of a change is only whether the logits move at all, so that its form is free.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from typing import TypeAlias

import numpy as np
import torch

from archtrace.capture.program import NodeKind, Program
from archtrace.reach.marks import Marks
from archtrace.reach.values import Value, known_tensor
from archtrace.witness.numeric import FLOOR, NOISE, Values, run

#: Per node a boolean array of its shape: the elements to change.
Chosen: TypeAlias = Mapping[int, Marks]
#: From a value to another one of its shape.
Change: TypeAlias = Callable[[torch.Tensor], torch.Tensor]


def _noise(size: float, seed: int = 7) -> Change:
    def change(value: torch.Tensor) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        return value + size * torch.randn(value.shape, generator=generator, dtype=torch.float64)

    return change


def _swapped(value: torch.Tensor) -> torch.Tensor:
    """Another position's value: what a maximum, a sort or a hash tells apart from the own one."""
    return value.roll(1, 1) if value.ndim > 1 else value.flip(0)


#: In order of how often they show something. The largest tell what stands behind a sigmoid of -1e4: one number drawn
#: 3e4 wide lies within 1e4 of zero one time in four, one drawn 1e6 wide one time in a hundred. Of a square the sign of
#: a change says nothing, so that the larger ones have directions of their own.
CHANGES: tuple[Change, ...] = (
    lambda v: -1.7 * v + 0.9, _noise(1.0), _noise(30.0), _swapped, _noise(0.1), _noise(-30.0), _noise(3e4),
    _noise(-3e4, 8), _noise(1e6, 9), _noise(-1e6, 9), _noise(30.0, 10),
)  # fmt: skip
#: Of these the ones that are tried outside the bound: far below the masks of -1e4 (values.MINUS_INFINITY).
LARGE = (CHANGES[0], CHANGES[2])
#: What makes one element of a score the largest, and what makes it the smallest; also from behind a mask of -1e4.
SPIKES = (_noise(30.0), _noise(-30.0), _noise(1e6, 9), _noise(-1e6, 9))


def level(value: torch.Tensor) -> torch.Tensor:
    """One value at all positions: a maximum or a median of what differs hides what each single one does."""
    return value[:1, :1].expand_as(value) if value.ndim > 2 else value


def parted(seed: int) -> Change:
    """-1 or 1 at each place; in the first feature 1 is rare, in the last one common.

    The k-th largest of n moves with one value where k - 1 or k of the others are above it: some feature has them. And
    whatever saturates between -1 and 1 is on one side or on the other.
    """

    def change(value: torch.Tensor) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        draws = torch.rand(value.shape, generator=generator, dtype=torch.float64)
        rare = torch.linspace(1.0, 0.0, value.shape[-1] + 2, dtype=torch.float64)[1:-1]
        return torch.where(draws < rare, -1.0, 1.0).to(torch.float64)

    return change


class Peak:
    """The largest magnitude that a run has where it is not as another run was, for the rounding that it leaves.

    What does not change, a mask of -3e38, leaves none.
    """

    def __init__(self, before: Values) -> None:
        self._before = before
        self.size = 0.0

    def over(self, program: Program, change: Mapping[int, Change]) -> dict[int, Change]:
        """The changes, with a look at what every tensor becomes."""
        ops = (n.index for n in program.nodes if n.kind is NodeKind.OP or n.index in change)
        tensors = ((index, before) for index in ops if isinstance(before := self._before[index], torch.Tensor))
        return {index: self._looking(before, change.get(index)) for index, before in tensors}

    def _looking(self, before: torch.Tensor, change: Change | None) -> Change:
        def look(value: torch.Tensor) -> torch.Tensor:
            after = change(value) if change else value
            self._see(before, after)
            return after

        return look

    def _see(self, before: torch.Tensor, after: torch.Tensor) -> None:
        if not after.is_floating_point():
            return
        # Of another size, where parameters select: nothing tells which element is which.
        moved = after[after != before] if before.shape == after.shape else after
        self.size = max(self.size, _largest([moved], 0.0))


class Bench:
    """One program with one draw of parameters in one layout, to be changed and looked at.

    `watched` are the nodes whose values are kept; `base`: changes that are made before any other, in whose presence one
    looks. `gain` is that of the parameters: they make rounding larger, too.
    """

    def __init__(
        self,
        program: Program,
        given: Values,
        layout: Mapping[str, torch.Tensor],
        noise: int = 0,
        watched: Collection[int] = (),
        base: Mapping[int, Change] | None = None,
        *,
        gain: float = 1.0,
    ) -> None:
        self._program, self._given, self._layout, self._noise = program, given, layout, noise
        self._watched, self._gain = watched, gain
        self._base: Mapping[int, Change] = base or {}
        self.values = self._run(self._base, {*watched, program.output})

    def on(self, base: Mapping[int, Change]) -> Bench:
        """The same bench, with other changes to begin with."""
        return Bench(self._program, self._given, self._layout, self._noise, self._watched, base, gain=self._gain)

    def moved(self, chosen: Chosen, change: Change, held: Collection[int] = (), rows: slice | None = None) -> Marks:
        """Which of (some) rows of the logits move when the chosen elements change; `held` nodes keep their values."""
        kept = self.kept([n for n in held if n not in chosen])
        changes = {node: self._also(node, at(mask, change)) for node, mask in chosen.items()}
        return self._moved({**kept, **changes}, rows)

    def put(self, node: int, value: torch.Tensor, held: Collection[int] = (), rows: slice | None = None) -> Marks:
        """Which of (some) rows of the logits move when a node has another value; `held` nodes keep theirs."""
        return self._moved({**self.kept(held), node: constant(value)}, rows)

    def kept(self, held: Collection[int]) -> dict[int, Change]:
        """The changes that leave some watched nodes as they are."""
        return {n: constant(known_tensor(self.values[n])) for n in held}

    def _also(self, node: int, change: Change) -> Change:
        base = self._base.get(node)
        return change if base is None else lambda value: change(base(value))

    def _run(self, changes: Mapping[int, Change], kept: Collection[int] | None) -> Values:
        with torch.no_grad():
            return run(self._program, self._given, self._layout, changes, self._noise, kept)

    def _moved(self, change: Mapping[int, Change], rows: slice | None = None) -> Marks:
        output, changes = self._program.output, {**self._base, **change}
        values = self._run(changes, {output, *change})
        some = slice(None) if rows is None else rows
        before, after = known_tensor(self.values[output])[some], known_tensor(values[output])[some]
        shift = (after - before).abs().flatten(1)
        # Not a number is no witness: infinity times zero is one, wherever the zero stands.
        shift = torch.where(torch.isfinite(shift), shift, torch.zeros_like(shift)).amax(1)
        # Where what is put in is large, so is the rounding that it leaves when it cancels.
        floor = max(self._size * NOISE, _largest([values[node] for node in change], 0.0) * FLOOR)
        shown: Marks = (shift > floor).numpy()
        return (shift > self._rounding(changes)).numpy() & shown if shown.any() else shown

    def _rounding(self, changes: Mapping[int, Change]) -> float:
        """What rounding may leave of the largest value on the way; asked only where something seems to move."""
        peak = Peak(self._all)
        self._run(peak.over(self._program, changes), {self._program.output})
        # Two layers after the one in which it cancelled make it larger, each by its weights.
        return peak.size * FLOOR * max(self._gain, 1.0) ** 2

    @cached_property
    def _size(self) -> float:
        """The largest of the output before the change, at least 1."""
        return _largest([self.values[self._program.output]], 1.0)

    @cached_property
    def _all(self) -> Values:
        """The value of every node before the change."""
        return self._run(self._base, None)


def _largest(values: Sequence[Value], least: float) -> float:
    """The largest finite magnitude in some floating tensors."""
    numbers = [v[torch.isfinite(v)].abs() for v in values if isinstance(v, torch.Tensor) and v.is_floating_point()]
    return max([least, *(float(v.amax()) for v in numbers if v.numel())])


def constant(value: torch.Tensor) -> Change:
    """A change to one value, whatever it was."""
    return lambda _: value


def at(mask: Marks, change: Change) -> Change:
    """A change of some elements alone; integers stay as they are."""
    where = torch.from_numpy(np.ascontiguousarray(mask))

    def apply(value: torch.Tensor) -> torch.Tensor:
        return torch.where(where, change(value).to(value.dtype), value) if value.is_floating_point() else value

    return apply
