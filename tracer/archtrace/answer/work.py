"""Work: what a forward computes, in floating-point operations, and how much of it reaches no output."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ModuleWork:
    """A module, or a layer with all that is in it: `flops` of its forward, of which `dead` reach no output."""

    module: str
    flops: int
    dead: int


@dataclass(frozen=True)
class Work:
    """The forward in one layout. `parts` are those with dead work, in the order in which they run.

    `dead` is no more than what is dead: an op is counted by the elements of its result that reach no output, and one
    with several results only where none of them does. What parameters select counts with as much as it can be.
    """

    flops: int
    dead: int
    parts: tuple[ModuleWork, ...] = ()

    @property
    def share(self) -> float:
        """The part of the work that is dead, 0 to 1."""
        return self.dead / self.flops if self.flops else 0.0
