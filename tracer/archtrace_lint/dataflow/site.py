"""A call in the code being followed, with its parts evaluated; and the handlers that return its values."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from archtrace_lint.dataflow.abstract_values import UNKNOWN, AbstractValues, Const
from archtrace_lint.dataflow.frame import Frame

#: Names that libraries give the first parameter of a tensor operation.
FIRST_PARAMETERS = ("input", "tensors", "params", "values", "tensor", "x", "a")


@dataclass(frozen=True)
class Site:
    """A call with its parts evaluated. `library`: a function of a tensor library; `unpacked`: the values after `**`."""

    node: ast.Call
    frame: Frame
    name: str
    base: AbstractValues
    library: bool
    arguments: tuple[AbstractValues, ...]
    keywords: dict[str, AbstractValues]
    unpacked: tuple[AbstractValues, ...]

    @property
    def tensor(self) -> AbstractValues:
        """The operand of a tensor operation: x of `torch.f(x)` and of `x.f()`."""
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
        yield from (*self.arguments, *self.keywords.values(), *self.unpacked)

    @property
    def is_informative(self) -> bool:
        """One of its parts has a known value that is no literal. Loops, since this runs for every call."""
        for values in (self.base, *self.arguments, *self.keywords.values(), *self.unpacked):
            for value in values:
                if type(value) is not Const:
                    return True
        return False


#: A test of the name of a call.
Names: TypeAlias = Callable[[str], object]


def ANY(name: str) -> bool:  # noqa: N802
    """Every name."""
    return True


def _none(name: str) -> bool:
    return False


@dataclass(frozen=True)
class CallHandler:
    """Returns the values of some calls; None for other calls, and if it only emits an event.

    It is tried for the names of `named` in any case, and for those of `if_known` only if the call is informative: most
    calls are of layers on unknown values.
    """

    handle: Callable[[Site], AbstractValues | None]
    named: Names = _none
    if_known: Names = _none
