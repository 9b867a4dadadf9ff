"""A call in the code being followed, its parts evaluated."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from archtrace.lint.frame import Frame
from archtrace.lint.values import UNKNOWN, Values

#: What libraries call the first parameter of a tensor operation.
FIRST = ("input", "tensors", "params", "values", "tensor", "x", "a")


@dataclass(frozen=True)
class Site:
    """A call, its parts evaluated. `tensor` is what a tensor operation works on, `rest` its other arguments."""

    node: ast.Call
    frame: Frame
    name: str
    base: Values
    library: bool
    arguments: tuple[Values, ...]
    keywords: dict[str, Values]
    spread: tuple[Values, ...]

    @property
    def tensor(self) -> Values:
        """What a tensor operation works on, whichever way it is spelled."""
        if not self.library:
            return self.base
        if self.arguments:
            return self.arguments[0]
        return next((self.keywords[k] for k in FIRST if k in self.keywords), UNKNOWN)

    @property
    def rest(self) -> tuple[Values, ...]:
        """The arguments beside the tensor."""
        return self.arguments[1:] if self.library else self.arguments

    @property
    def everything(self) -> Iterator[Values]:
        """All arguments."""
        yield from (*self.arguments, *self.keywords.values(), *self.spread)
