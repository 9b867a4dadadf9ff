"""Values: what the analysis knows of a tensor in one layout.

A value is known (a plain tensor or number, computed from the layout and from constants) or unknown
(anything that parameters touch). An unknown one still carries what is structurally certain of its elements.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from archtrace.capture.program import Constant
from archtrace.reach.marks import Array, Marks, Shape, shrink, where

#: Per element the value that it certainly has, NaN where it may be anything; axes broadcast as in marks.
Certain: TypeAlias = Array[np.float64]

#: An element that lies this far below another of its row is masked: attention scores never differ by as much, and
#: the softmax of such a difference underflows to zero. Libraries write 1e4, 1e9, 1e30, finfo.min and inf.
MASKED = 1e4
#: A mask still empties a softmax when it is scaled down by no less than this: exp(-1e4 / 64) is zero in 32 bits.
LEAST_SCALE = 1 / 64
#: Offsets are clipped to this, so that their differences stay finite.
_LARGEST = 1e300


@dataclass(frozen=True, eq=False)
class Unknown:
    """A tensor that depends on parameters or on embedded tokens.

    An element of which nothing is certain is a number of ordinary size, times `scale`, plus `offset`: what a known
    additive mask has put on it (None: 0 everywhere). The offset does not make an element certain: it may change as
    any other. But what compares elements (a softmax, a maximum) may ignore those that lie MASKED below the rest.
    `weights_only`: no token can reach it, so it is the same whatever the tokens are. `real`: what it is in this layout,
    where tokens alone decide it (ids, and what is computed from them). `ids`: its elements are ids themselves.
    `standin`: the indices that it would hold if all elements were selected; see archtrace.reach.data_dependent.
    `normal`: the highest element of each row is about zero, as a log-softmax leaves it.
    """

    shape: Shape
    dtype: torch.dtype
    certain: Certain
    weights_only: bool = False
    real: torch.Tensor | None = None
    ids: bool = False
    standin: torch.Tensor | None = None
    offset: Certain | None = None
    scale: float = 1.0
    normal: bool = False

    def __repr__(self) -> str:
        known = "" if self.free else f", {np.isfinite(self.certain).mean():.0%} certain"
        return f"Unknown({list(self.shape)}{known}{', weights only' if self.weights_only else ''})"

    @cached_property
    def free(self) -> bool:
        """True when nothing is certain of any element, and no mask lies on it."""
        return self.offset is None and self.certain.size == 1 and bool(np.isnan(self.certain).item())

    @cached_property
    def open(self) -> Marks:
        """Where an element may still change; broadcasts as `certain` does."""
        return is_open(self.certain)

    @cached_property
    def anywhere(self) -> bool:
        """True where nothing is certain of any element: all of them may change."""
        return self.certain.size == 1 and bool(self.open.all())

    @cached_property
    def facts(self) -> tuple[Hashable, ...]:
        """All that a rule may look at, as a hashable key."""
        offset_facts = () if self.offset is None else (self.offset.shape, digest(self.offset))
        parts = (self.certain.shape, digest(self.certain), offset_facts, self.scale, self.normal)
        return (self.shape, self.dtype, self.weights_only, *parts)

    @property
    def magnitude(self) -> float:
        """How large an element may be beside one of ordinary size."""
        return self.scale if self.offset is None else max(self.scale, float(np.abs(self.offset).max(initial=0.0)))

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(np.prod(self.shape))


#: What a node of a program holds in one layout: known, unknown, or a sequence of these.
Value: TypeAlias = "Unknown | torch.Tensor | Constant | list[Value] | tuple[Value, ...]"


def free(rank: int) -> Certain:
    """Nothing is certain of a tensor of `rank` axes."""
    return np.full((1,) * rank, np.nan)


#: Arrays of no more bytes than this are their own digest.
_SHORT = 64


def digest(array: npt.NDArray[np.bool_ | np.number]) -> bytes:
    """What tells arrays of one shape apart, in little memory: a mask over a long window has millions of elements."""
    if array.nbytes <= _SHORT:
        return array.tobytes()
    # A truth needs a bit, not a byte; and what lies in one piece is read where it lies.
    packed = np.packbits(array.view(np.bool_)) if array.dtype == bool else np.ascontiguousarray(array)
    return hashlib.blake2b(packed.ravel().view(np.uint8).data, digest_size=16).digest()


def unknown(
    shape: Shape,
    dtype: torch.dtype,
    certain: Certain | None = None,
    *,
    weights_only: bool = False,
    offset: Certain | None = None,
    scale: float = 1.0,
) -> Unknown:
    """An unknown value, its facts brought to the smallest form; only uncertain elements have an offset."""
    rank = len(shape)
    facts = free(rank) if certain is None else shrink(certain, rank)
    if offset is not None:
        clipped = np.where(np.isnan(facts), np.clip(np.nan_to_num(offset), -_LARGEST, _LARGEST), 0.0)
        offset = shrink(clipped, rank) if clipped.any() else None
    return Unknown(tuple(shape), dtype, facts, weights_only, offset=offset, scale=scale)


def drop_certain(marks: Marks, value: Value) -> Marks:
    """Marks without those on elements whose value is certain: what cannot change reaches nothing."""
    if not isinstance(value, Unknown) or (value.certain.size == 1 and bool(value.open.all())):
        return marks
    return where(marks, value.open)


def known_tensor(value: object) -> torch.Tensor:
    """A known tensor. TypeError for anything else."""
    if not isinstance(value, torch.Tensor):
        raise TypeError(f"{value!r} is no known tensor")
    return value


def shape_of_value(value: Value) -> Shape:
    """The shape of an unknown value or of a known tensor; that of a number for anything else."""
    return tuple(value.shape) if isinstance(value, Unknown | torch.Tensor) else ()


def dtype_of(value: Value) -> torch.dtype | None:
    """The type of an unknown value's or a known tensor's elements; None for anything else."""
    return value.dtype if isinstance(value, Unknown | torch.Tensor) else None


def is_open(certain: Certain) -> Marks:
    """Where an element may still change."""
    return np.asarray(np.isnan(certain))


def level(value: Value) -> Certain:
    """About where each element lies: its certain value, or the offset of what may change."""
    certain = certain_of(value)
    offset = value.offset if isinstance(value, Unknown) else None
    known = np.clip(np.nan_to_num(certain, posinf=np.inf, neginf=-np.inf), -np.inf, _LARGEST)
    return np.asarray(np.where(np.isnan(certain), 0.0 if offset is None else offset, known))


def scale_of(value: Value) -> float:
    """How far the elements of an operand spread, beside ordinary ones."""
    return value.scale if isinstance(value, Unknown) else 1.0


def masked(levels: Certain, axes: tuple[int, ...], scale: float) -> Marks:
    """Where an element lies so far below the highest of its row, over full axes, that nothing sees it there."""
    top = levels.max(axis=axes, keepdims=True, initial=-np.inf)
    gap = np.subtract(top, levels, out=np.zeros(np.broadcast_shapes(top.shape, levels.shape)), where=top != levels)
    return np.asarray(gap >= MASKED * max(scale, LEAST_SCALE))


def certain_of(value: Value) -> Certain:
    """The certain values of an operand: of an Unknown what is certain, of a known tensor or number all of it.

    A complex number is certain only where it is zero.
    """
    if isinstance(value, Unknown):
        return value.certain
    if isinstance(value, torch.Tensor):
        if value.is_complex():
            return np.where(value.numpy() == 0, 0.0, np.nan)
        return value.detach().to(torch.float64).numpy()
    # What is no real number (a complex one, a name, nothing at all) tells nothing.
    return np.asarray(value if isinstance(value, int | float) else np.nan, dtype=np.float64)
