"""A call in the code being followed, its parts evaluated; and what works out what it returns."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from archtrace_lint.dataflow.abstract_values import UNKNOWN, AbstractValues, Const
from archtrace_lint.dataflow.frame import Frame

#: What libraries call the first parameter of a tensor operation.
FIRST_PARAMETERS = ("input", "tensors", "params", "values", "tensor", "x", "a")


@dataclass(frozen=True)
class Site:
    """A call, its parts evaluated. `tensor` is what a tensor operation works on, `rest` its other arguments."""

    node: ast.Call
    frame: Frame
    name: str
    base: AbstractValues
    library: bool
    arguments: tuple[AbstractValues, ...]
    keywords: dict[str, AbstractValues]
    spread: tuple[AbstractValues, ...]

    @property
    def tensor(self) -> AbstractValues:
        """What a tensor operation works on, whichever way it is spelled."""
        if not self.library:
            return self.base
        if self.arguments:
            return self.arguments[0]
        return next((self.keywords[k] for k in FIRST_PARAMETERS if k in self.keywords), UNKNOWN)

    @property
    def rest(self) -> tuple[AbstractValues, ...]:
        """The arguments beside the tensor."""
        return self.arguments[1:] if self.library else self.arguments

    @property
    def everything(self) -> Iterator[AbstractValues]:
        """All arguments."""
        yield from (*self.arguments, *self.keywords.values(), *self.spread)

    @property
    def known(self) -> bool:
        """Something is known of a part of it, more than that it is a literal. Loops, as this is asked of every call."""
        for values in (self.base, *self.arguments, *self.keywords.values(), *self.spread):
            for value in values:
                if type(value) is not Const:
                    return True
        return False


#: Takes a name for one that it knows, or does not.
Names: TypeAlias = Callable[[str], object]


def ANY(name: str) -> bool:  # noqa: N802
    """Every name."""
    return True


def _none(name: str) -> bool:
    return False


@dataclass(frozen=True)
class CallHandler:
    """Works out what some calls return; None for other calls, and where it only notes an event.

    It is asked of calls of the names that it knows in any case, and of others where something is known of their parts:
    most calls are of layers, on what is unknown.
    """

    handle: Callable[[Site], AbstractValues | None]
    named: Names = _none
    if_known: Names = _none
