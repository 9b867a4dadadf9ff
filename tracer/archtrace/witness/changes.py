"""Finite changes: other values for some elements of a program's nodes, and which rows of the logits move.

A gradient shows nothing behind an argmax, a rounding, a saturated or sparse op; a change that is large enough does. It
only matters whether the logits move at all, so a change may have any form.
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
ElementMasks: TypeAlias = Mapping[int, Marks]
#: From a value to another one of its shape.
Change: TypeAlias = Callable[[torch.Tensor], torch.Tensor]


def _noise(size: float, seed: int = 7) -> Change:
    def change(value: torch.Tensor) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        return value + size * torch.randn(value.shape, generator=generator, dtype=torch.float64)

    return change


def _of_next_position(value: torch.Tensor) -> torch.Tensor:
    """The value of the next position, which a maximum, a sort or a hash tells from the position's own."""
    return value.roll(1, 1) if value.ndim > 1 else value.flip(0)


#: In order of how often they show something. The largest overcome a sigmoid of -1e4: a number drawn 3e4 wide lies
#: within 1e4 of zero one time in four, one drawn 1e6 wide one time in a hundred. A square hides the sign of a change,
#: so the larger ones have other seeds than their opposites.
CHANGES: tuple[Change, ...] = (
    lambda v: -1.7 * v + 0.9, _noise(1.0), _noise(30.0), _of_next_position, _noise(0.1), _noise(-30.0), _noise(3e4),
    _noise(-3e4, 8), _noise(1e6, 9), _noise(-1e6, 9), _noise(30.0, 10),
)  # fmt: skip
#: Those that are tried outside the bound: they stay far below the masks of -1e4 (values.MINUS_INFINITY).
LARGE = (CHANGES[0], CHANGES[2])
#: Make an element of a score the largest or the smallest, also from behind a mask of -1e4.
SPIKES = (_noise(30.0), _noise(-30.0), _noise(1e6, 9), _noise(-1e6, 9))


def equal_positions(value: torch.Tensor) -> torch.Tensor:
    """The value of the first position at all positions: a maximum or a median of equal values shows each of them."""
    return value[:1, :1].expand_as(value) if value.ndim > 2 else value


def random_signs(seed: int) -> Change:
    """-1 or 1 at each place; in the first feature 1 is rare, in the last one common.

    The k-th largest of n values moves with one of them where k - 1 or k of the others are above it, which is so in some
    feature. And what saturates between -1 and 1 stands on one side or the other.
    """

    def change(value: torch.Tensor) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        draws = torch.rand(value.shape, generator=generator, dtype=torch.float64)
        rare = torch.linspace(1.0, 0.0, value.shape[-1] + 2, dtype=torch.float64)[1:-1]
        return torch.where(draws < rare, -1.0, 1.0).to(torch.float64)

    return change


class LargestMoved:
    """The largest magnitude among the values that differ between two runs: as large is the rounding that they leave.

    What does not change, such as a mask of -3e38, leaves none.
    """

    def __init__(self, before: Values) -> None:
        self._before = before
        self.size = 0.0

    def watching(self, program: Program, change: Mapping[int, Change]) -> dict[int, Change]:
        """The changes, and for every tensor of the program one that records its new value."""
        ops = (n.index for n in program.nodes if n.kind is NodeKind.OP or n.index in change)
        tensors = ((index, before) for index in ops if isinstance(before := self._before[index], torch.Tensor))
        return {index: self._recording(before, change.get(index)) for index, before in tensors}

    def _recording(self, before: torch.Tensor, change: Change | None) -> Change:
        def record(value: torch.Tensor) -> torch.Tensor:
            after = change(value) if change else value
            self._record(before, after)
            return after

        return record

    def _record(self, before: torch.Tensor, after: torch.Tensor) -> None:
        if not after.is_floating_point():
            return
        # Where parameters select elements, the shape may differ: then all of them count as moved.
        moved = after[after != before] if before.shape == after.shape else after
        self.size = max(self.size, _largest([moved], 0.0))


class Bench:
    """One program with one draw of parameters in one layout, whose values are changed to see whether the logits move.

    `watched`: the nodes whose values are kept. `base`: changes that are made before any other; the logits are compared
    with those under `base` alone. `gain`: that of the parameters, which amplify rounding as well.
    """

    def __init__(
        self,
        program: Program,
        parameters: Values,
        layout: Mapping[str, torch.Tensor],
        noise: int = 0,
        watched: Collection[int] = (),
        base: Mapping[int, Change] | None = None,
        *,
        gain: float = 1.0,
    ) -> None:
        self._program, self._parameters, self._layout, self._noise = program, parameters, layout, noise
        self._watched, self._gain = watched, gain
        self._base: Mapping[int, Change] = base or {}
        self.values = self._run(self._base, {*watched, program.output})

    def on(self, base: Mapping[int, Change]) -> Bench:
        """The same bench with another base."""
        return Bench(self._program, self._parameters, self._layout, self._noise, self._watched, base, gain=self._gain)

    def rows_moved(
        self, masks: ElementMasks, change: Change, fixed: Collection[int] = (), rows: slice | None = None
    ) -> Marks:
        """Which of (some) rows of the logits move when these elements change; `fixed` nodes keep their values."""
        fixing = self.keep_fixed([n for n in fixed if n not in masks])
        changes = {node: self._after_base(node, change_at(mask, change)) for node, mask in masks.items()}
        return self._moved({**fixing, **changes}, rows)

    def rows_moved_by_value(
        self, node: int, value: torch.Tensor, fixed: Collection[int] = (), rows: slice | None = None
    ) -> Marks:
        """Which of (some) rows of the logits move when a node has another value; `fixed` nodes keep theirs."""
        return self._moved({**self.keep_fixed(fixed), node: constant(value)}, rows)

    def keep_fixed(self, nodes: Collection[int]) -> dict[int, Change]:
        """The changes that keep watched nodes at their present values."""
        return {n: constant(known_tensor(self.values[n])) for n in nodes}

    def _after_base(self, node: int, change: Change) -> Change:
        base = self._base.get(node)
        return change if base is None else lambda value: change(base(value))

    def _run(self, changes: Mapping[int, Change], keep: Collection[int] | None) -> Values:
        with torch.no_grad():
            return run(self._program, self._parameters, self._layout, changes, self._noise, keep)

    def _moved(self, change: Mapping[int, Change], rows: slice | None = None) -> Marks:
        output, changes = self._program.output, {**self._base, **change}
        values = self._run(changes, {output, *change})
        compared = slice(None) if rows is None else rows
        before, after = known_tensor(self.values[output])[compared], known_tensor(values[output])[compared]
        shift = (after - before).abs().flatten(1)
        # NaN shows nothing: infinity times zero is one, wherever the zero stands.
        shift = torch.where(torch.isfinite(shift), shift, torch.zeros_like(shift)).amax(1)
        # A large value leaves large rounding where it cancels.
        floor = max(self._size * NOISE, _largest([values[node] for node in change], 0.0) * FLOOR)
        moved: Marks = (shift > floor).numpy()
        return (shift > self._rounding(changes)).numpy() & moved if moved.any() else moved

    def _rounding(self, changes: Mapping[int, Change]) -> float:
        """What rounding may leave of the largest value on the way; computed only where something seems to move."""
        moved = LargestMoved(self._all)
        self._run(moved.watching(self._program, changes), {self._program.output})
        # Two layers behind the one in which the value cancels amplify its rounding, each by its weights.
        return moved.size * FLOOR * max(self._gain, 1.0) ** 2

    @cached_property
    def _size(self) -> float:
        """The largest magnitude in the output before the change, at least 1."""
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


def change_at(mask: Marks, change: Change) -> Change:
    """A change of these elements only; integers stay as they are."""
    where = torch.from_numpy(np.ascontiguousarray(mask))

    def apply(value: torch.Tensor) -> torch.Tensor:
        return torch.where(where, change(value).to(value.dtype), value) if value.is_floating_point() else value

    return apply
