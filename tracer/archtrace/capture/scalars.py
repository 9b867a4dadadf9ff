"""Numbers and sizes that parameters decide: an item of an unknown tensor, the size of what a router selected.

torch gives them symbols. A size gets a stand-in, as many elements as there can be, so that everything flows and never
nothing; a number is the node whose item it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

import torch

from archtrace.capture.nested import Args, Kwargs, tensors_in
from archtrace.capture.program import Operation, Ref
from archtrace.errors import CaptureError

if TYPE_CHECKING:
    from torch.fx.experimental.symbolic_shapes import ShapeEnv


class Expression(Protocol):
    """An expression or a symbol of sympy, as far as it is needed here: sympy has no types."""

    is_integer: bool | None

    @property
    def free_symbols(self) -> set[Expression]:
        """The symbols in it."""

    def subs(self, values: Mapping[Expression, float]) -> Expression:
        """The same expression with values for its symbols."""

    def __int__(self) -> int: ...
    def __float__(self) -> float: ...


#: Adds a node: op, its arguments by position and by name.
Add: TypeAlias = Callable[[Operation, Args, Kwargs], Ref]
#: A number that torch has no value for.
Symbolic: TypeAlias = torch.SymInt | torch.SymFloat | torch.SymBool


@dataclass(frozen=True)
class Formula:
    """A node's target: an arithmetic expression of items of unknown tensors."""

    expression: Expression
    symbols: tuple[Expression, ...]
    __name__ = "archtrace::formula"

    def __call__(self, *items: float) -> float:
        value: Expression = self.expression.subs(dict(zip(self.symbols, items, strict=True)))
        return int(value) if value.is_integer else float(value)


class Scalars:
    """The symbols of one run: what each stands for."""

    def __init__(self, add: Add) -> None:
        self._add = add
        self._sizes: dict[Expression, int] = {}
        self._sizers: dict[Expression, torch.Tensor] = {}
        self._items: dict[Expression, Ref] = {}

    def item(self, value: Symbolic, node: Ref) -> None:
        """A number that was taken out of an unknown tensor."""
        self._items[_expression(value)] = node

    def sized(self, result: object, operands: Sequence[torch.Tensor]) -> None:
        """New symbols in the sizes of a result stand for as many elements as what decides them has."""
        for tensor in tensors_in(result):
            sizes: Sequence[int | torch.SymInt] = tensor.shape
            for size in (n for n in sizes if isinstance(n, torch.SymInt)):
                for symbol in symbols_of(size):
                    # A symbol that was met before is that selection's size again.
                    if symbol not in self._sizes and symbol not in self._items:
                        self._sizers[symbol] = _deciding(operands)
                        self._sizes[symbol] = math.prod(self.shape(self._sizers[symbol]))
                        _never_empty(size, symbol)

    def sizers(self, tensor: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The tensors whose values decide a size of this one."""
        symbols = dict.fromkeys(s for size in tensor.shape for s in symbols_of(size) if s in self._sizers)
        return tuple(self._sizers[symbol] for symbol in symbols)

    def selected(self, tensor: torch.Tensor) -> dict[int, torch.Tensor]:
        """The axes along which values decide how many elements there are, with the tensor whose values these are."""
        sizes: Sequence[int | torch.SymInt] = tensor.shape
        symbols = {axis: _expression(n) for axis, n in enumerate(sizes) if isinstance(n, torch.SymInt)}
        return {axis: self._sizers[symbol] for axis, symbol in symbols.items() if symbol in self._sizers}

    def shape(self, tensor: torch.Tensor) -> tuple[int, ...]:
        """A tensor's shape, its symbols replaced by what stands for them."""
        return tuple(self.number(size) for size in tensor.shape)

    def number(self, value: int | Symbolic) -> int:
        """An integer in which each symbol is replaced; an item counts as one."""
        if isinstance(value, int):
            return value
        # A size is as large as it can be; an item may be anything, and one makes the fewest shapes fail.
        known = {s: self._sizes.get(s, 1) for s in symbols_of(value)}
        return int(_expression(value).subs(known))

    def argument(self, value: Symbolic) -> Ref | int:
        """A symbolic argument of an op as the program has it."""
        expression, symbols = _expression(value), symbols_of(value)
        items = tuple(s for s in symbols if s in self._items)
        if not items:
            return self.number(value)
        if any(s not in self._items for s in symbols):
            raise CaptureError("a number is made of both an item and a size that parameters decide")
        if expression == items[0]:
            return self._items[items[0]]
        return self._add(Formula(expression, items), tuple(self._items[s] for s in items), {})


def _expression(value: Symbolic) -> Expression:
    expression: Expression = value.node.expr
    return expression


def symbols_of(size: int | Symbolic) -> tuple[Expression, ...]:
    """The symbols in a size; none in a plain number."""
    return () if isinstance(size, int) else tuple(_expression(size).free_symbols)


def _deciding(operands: Sequence[torch.Tensor]) -> torch.Tensor:
    """The operand whose values decide a size: a mask where there is one."""
    return next((t for t in operands if t.dtype in (torch.bool, torch.uint8)), operands[0])


def _never_empty(size: torch.SymInt, symbol: Expression) -> None:
    """The run goes on as if something was selected; that the program looked is recorded (Recorder._size_taken)."""
    from torch.utils._sympy.value_ranges import ValueRanges

    # torch asks of a size without a value whether it may be 0, and refuses to say. Here it may not: an expert
    # without tokens has nothing to say of what its tokens reach.
    environment: ShapeEnv = size.node.shape_env
    ranges = environment.var_to_range[symbol]
    environment.var_to_range[symbol] = ValueRanges(max(1, ranges.lower), ranges.upper)
