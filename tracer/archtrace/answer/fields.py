"""Fields: which pixels or samples stand at a position of a hidden state, where these are told apart first."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

#: Start and stop along each axis of the input that tells positions apart.
Field: TypeAlias = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Fields:
    """The receptive fields of a read tensor's positions in an input of numbers (pixels, samples).

    `axes` are those of the input that tell positions apart, by number. `of` has a field for each position, None for one
    that holds nothing of the input: a class token. They are those of the first hidden state with as many positions;
    what attention mixes in behind it, only what reaches shows.
    """

    tensor: str
    input: str
    axes: tuple[int, ...]
    of: tuple[Field | None, ...]

    @property
    def empty(self) -> tuple[int, ...]:
        """The positions that hold nothing of the input."""
        return tuple(i for i, field in enumerate(self.of) if field is None)

    @property
    def grid(self) -> tuple[int, ...] | None:
        """How many fields there are along each axis, where they are a grid in order (any axis first); else None."""
        fields = [field for field in self.of if field is not None]
        places = [sorted({field[axis] for field in fields}) for axis in range(len(self.axes))]
        forward, backward = product(*places), (field[::-1] for field in product(*places[::-1]))
        return tuple(map(len, places)) if fields and fields in (list(forward), list(backward)) else None
