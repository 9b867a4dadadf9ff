"""Decisions: what a program's Python takes out of known tensors, and so bakes into the graph.

A branch on a mask, a loop over lengths, numpy on ids: eager Python sees numbers, and the graph that is recorded holds
for every layout in which these would have been the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._mode_utils import no_dispatch

from archtrace.capture.nested import Args, Kwargs
from archtrace.capture.program import Operation
from archtrace.capture.tracked_ids import LENDING, MAKERS, NumpyArray, TrackedIds, made_of

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, eq=False)
class Decision:
    """A node's target: what Python took out of a tensor. Called with the tensor, tells whether it still would.

    `kind`: "value" (an item, a list, an array) or "size" (of a tensor whose size parameters decide).
    """

    kind: str
    values: tuple[NumpyArray, ...] = ()
    __name__ = "archtrace::decision"

    def __call__(self, *tensors: torch.Tensor) -> bool:
        return self.kind == "value" and all(
            np.array_equal(_array(t), then, equal_nan=_array(t).dtype.kind == "f")
            for t, then in zip(tensors, self.values, strict=True)
        )


def decision(tensors: tuple[torch.Tensor, ...]) -> Decision:
    """The decision that took all that these known tensors hold."""
    return Decision("value", tuple(_array(t) for t in tensors))


def _array(tensor: torch.Tensor) -> NumpyArray:
    # What is read here is no part of the model's program.
    with no_dispatch():
        plain = tensor.detach().cpu()
        return plain.to(torch.float64).numpy().copy() if plain.dtype == torch.bfloat16 else plain.numpy().copy()


#: Methods through which Python sees what a tensor holds without an op of torch's.
_TAKERS = frozenset({torch.Tensor.numpy, torch.Tensor.tolist, torch.Tensor.__array__})
#: Methods that tell of sizes, as Python numbers.
_SIZES = frozenset(
    {torch.Tensor.shape.__get__, torch.Tensor.size, torch.Tensor.numel, torch.Tensor.nelement, torch.Tensor.__len__}  # type: ignore[attr-defined]
)


class DecisionRecorder(TorchFunctionMode):
    """Notices when Python takes values or sizes out of tensors.

    `values_taken` is called with each tensor whose values are taken, `size_taken` with each whose size is; `tracked`
    gives what Python gets in place of a tensor of ids, and None for any other tensor.
    """

    def __init__(
        self,
        values_taken: Callable[[torch.Tensor], object],
        size_taken: Callable[[torch.Tensor], None],
        tracked: Callable[[torch.Tensor], TrackedIds | None],
    ) -> None:
        super().__init__()
        self._values_taken, self._size_taken, self._tracked = values_taken, size_taken, tracked
        self._paused = False

    def __torch_function__(
        self, func: Operation, types: Sequence[type], args: Args = (), kwargs: Kwargs | None = None
    ) -> object:
        # numpy(), tolist() and sizes pass by the dispatcher: no dispatch mode sees them, a function mode does.
        if not self._paused and args:
            if isinstance(args[0], torch.Tensor):
                if func in LENDING and (ids := self._tracked(args[0])) is not None:
                    return LENDING[func](ids)
                self._notice(func, args[0])
            elif func in MAKERS and (made := made_of(func, args[0], kwargs or {})) is not None:
                return made
        return func(*args, **(kwargs or {}))

    def _notice(self, func: Operation, tensor: torch.Tensor) -> None:
        if func in _TAKERS:
            self._values_taken(tensor)
        elif func in _SIZES:
            self._size_taken(tensor)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Notice nothing meanwhile: torch's own code takes sizes too."""
        before, self._paused = self._paused, True
        try:
            yield
        finally:
            self._paused = before
