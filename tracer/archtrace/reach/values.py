"""Values: what the analysis knows of a tensor in one layout.

A value is known (a plain tensor or number, computed from the layout and from constants) or unknown
(anything that parameters touch). An unknown one still carries what is structurally certain of its elements.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from archtrace.reach.marks import Shape, shrink

#: Per element the value that it certainly has, NaN where it may be anything; axes broadcast as in marks.
Certain: TypeAlias = npt.NDArray[np.float64]

#: Masks of this size or below are taken for minus infinity: attention scores never come near it, and the
#: softmax of their sum underflows to zero. Libraries write 1e4, 1e9, 1e30, finfo.min and inf.
MINUS_INFINITY = -1e4
#: Stands for an unknown element that is somewhere below MINUS_INFINITY (a score plus a large negative mask). It may
#: still change, so flows go on through it; only a softmax or a maximum, which never see it, stop them.
SUNK = -float(np.finfo(np.float64).max)


@dataclass(frozen=True, eq=False)
class Unknown:
    """A tensor that depends on parameters or on embedded tokens.

    `weights_only`: no token can reach it, so it is the same whatever the tokens are. `real`: what it is in this layout,
    where tokens alone decide it (ids, and what is computed from them). `ids`: its elements are ids themselves.
    `standin`: the indices that it would hold if all elements were selected; see archtrace.reach.selection.
    """

    shape: Shape
    dtype: torch.dtype
    certain: Certain
    weights_only: bool = False
    real: torch.Tensor | None = None
    ids: bool = False
    standin: torch.Tensor | None = None

    def __repr__(self) -> str:
        known = "" if self.free else f", {np.isfinite(self.certain).mean():.0%} certain"
        return f"Unknown({list(self.shape)}{known}{', weights only' if self.weights_only else ''})"

    @cached_property
    def free(self) -> bool:
        """True when nothing is certain of any element."""
        return self.certain.size == 1 and bool(np.isnan(self.certain).item())

    @cached_property
    def open(self) -> npt.NDArray[np.bool_]:
        """Where an element may still change; broadcasts as `certain` does."""
        return is_open(self.certain)

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(np.prod(self.shape))


def free(rank: int) -> Certain:
    """Nothing is certain of a tensor of `rank` axes."""
    return np.full((1,) * rank, np.nan)


def unknown(shape: Shape, dtype: torch.dtype, certain: Certain | None = None, *, weights_only: bool = False) -> Unknown:
    """An unknown value, its certain part brought to the smallest form."""
    facts = free(len(shape)) if certain is None else shrink(certain, len(shape))
    return Unknown(tuple(shape), dtype, facts, weights_only)


def is_open(certain: Certain) -> npt.NDArray[np.bool_]:
    """Where an element may still change."""
    return np.asarray(np.isnan(certain) | (certain == SUNK))


def sunk(certain: Certain) -> npt.NDArray[np.bool_]:
    """Where an element is too small for a softmax or a maximum to see it."""
    return np.asarray(certain <= MINUS_INFINITY)


def certain_of(value: Any) -> Certain:
    """The certain values of an operand: of an Unknown what is certain, of a known tensor or number all of it.

    A complex number is certain only where it is zero.
    """
    if isinstance(value, Unknown):
        return value.certain
    if isinstance(value, torch.Tensor):
        if value.is_complex():
            return np.where(value.numpy() == 0, 0.0, np.nan)
        return value.detach().to(torch.float64).numpy()
    return np.asarray(np.nan if value is None or isinstance(value, complex) else value, dtype=np.float64)
