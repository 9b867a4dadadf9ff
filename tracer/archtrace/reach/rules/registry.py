"""The registry: one rule for each op, found by the op's schema name, and the terms that rules speak in."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import torch

from archtrace.reach.flows import Everything, Flow
from archtrace.reach.marks import Shape
from archtrace.reach.values import Certain, Unknown, unknown


class Spec(NamedTuple):
    """Shape and type of one result."""

    shape: Shape
    dtype: torch.dtype


@dataclass(frozen=True, eq=False)
class Operand:
    """An unknown argument of a call; `slot` counts the tensors of the call from the left."""

    slot: int
    value: Unknown


@dataclass(frozen=True, eq=False)
class Call:
    """One op applied to known values and to Operands; `arguments` are bound by the names of the op's schema."""

    op: Any
    name: str
    arguments: dict[str, Any]
    results: tuple[Spec, ...]

    def __getitem__(self, name: str) -> Any:
        return self.arguments.get(name)

    @cached_property
    def operands(self) -> tuple[Operand, ...]:
        """The unknown arguments, in order."""
        return tuple(leaf for leaf in leaves(self.arguments) if isinstance(leaf, Operand))

    @property
    def weights_only(self) -> bool:
        """True when no token can reach any operand."""
        return all(o.value.weights_only for o in self.operands)

    @property
    def indistinct(self) -> bool:
        """True when nothing tells the elements of the operands apart: weights, of which nothing is certain."""
        return all(o.value.weights_only and o.value.free for o in self.operands)

    @property
    def shape(self) -> Shape:
        """The shape of the first result."""
        return self.results[0].shape

    def run(self, replace: Callable[[Any], Any]) -> Any:
        """Run the op itself, each leaf of the arguments replaced first."""
        return invoke(self.op, {k: rebuild(v, replace) for k, v in self.arguments.items()})


Flows: TypeAlias = tuple[tuple[int, Flow], ...]


@dataclass(frozen=True, eq=False)
class Step:
    """What a rule says of a call: the results, and for each of them the flows from the operands' slots.

    A result that no unknown reaches (the batch sizes of a packed sequence) is a plain tensor.
    """

    outputs: tuple[Unknown | torch.Tensor, ...]
    flows: tuple[Flows, ...]
    narrowed: bool = True


Rule: TypeAlias = Callable[[Call], Step]

RULES: dict[str, Rule] = {}


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Register a function for the ops of these names ("softmax" stands for aten::softmax, all overloads)."""

    def register(function: Rule) -> Rule:
        for name in map(qualified, names):
            if name in RULES:
                raise ValueError(f"{name} has a rule already")
            RULES[name] = function
        return function

    return register


def has_rule(op: Any) -> bool:
    """True for an op whose flows a rule tells."""
    return op._schema.name in RULES


def qualified(name: str) -> str:
    """The schema name of an op: aten:: is understood."""
    return name if "::" in name else f"aten::{name}"


def named(table: str) -> tuple[str, ...]:
    """The schema names of the ops in a table: their plain names, apart by white space."""
    return tuple(map(qualified, table.split()))


def everything(call: Call) -> Step:
    """No false negatives: each operand may reach each element of each result."""
    outputs = tuple(unknown(s.shape, s.dtype, weights_only=call.weights_only) for s in call.results)
    flows = tuple(
        tuple((o.slot, Everything(len(o.value.shape), len(s.shape))) for o in call.operands) for s in call.results
    )
    return Step(outputs, flows)


def unruled(call: Call) -> Step:
    """The step of an op that has no rule: everything, and marked as not narrowed."""
    step = everything(call)
    return Step(step.outputs, step.flows, narrowed=False)


def single(call: Call, flows: Flows, certain: Certain | None = None) -> Step:
    """The step of an op with one result."""
    spec = call.results[0]
    return Step((unknown(spec.shape, spec.dtype, certain, weights_only=call.weights_only),), (flows,))


def several(call: Call, flows: Flows) -> Step:
    """The step of an op with several results, all reached alike."""
    outputs = tuple(unknown(s.shape, s.dtype, weights_only=call.weights_only) for s in call.results)
    return Step(outputs, (flows,) * len(outputs))


def bind(op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Arguments by the names of the op's schema, defaults included."""
    if not isinstance(op, torch._ops.OpOverload):
        return {**dict(zip(("base", "src"), args, strict=False)), **kwargs}
    bound = {}
    for position, argument in enumerate(op._schema.arguments):
        if position < len(args):
            bound[argument.name] = args[position]
        elif argument.name in kwargs:
            bound[argument.name] = kwargs[argument.name]
        elif argument.has_default_value():
            bound[argument.name] = argument.default_value
    return bound


def invoke(op: Any, arguments: dict[str, Any]) -> Any:
    """Call an op with arguments bound by name (`self` cannot be passed as a keyword)."""
    if not isinstance(op, torch._ops.OpOverload):
        return op(*arguments.values())
    keyword_only = {a.name for a in op._schema.arguments if a.kwarg_only}
    positional = [v for k, v in arguments.items() if k not in keyword_only]
    return op(*positional, **{k: v for k, v in arguments.items() if k in keyword_only})


def leaves(value: Any) -> Iterator[Any]:
    """All values in nested lists, tuples and dicts, from left to right."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list | tuple):
        yield value
        return
    for item in value:
        yield from leaves(item)


def rebuild(value: Any, replace: Callable[[Any], Any]) -> Any:
    """The same nesting with each leaf replaced."""
    if isinstance(value, list | tuple):
        return [rebuild(item, replace) for item in value]
    if isinstance(value, dict):
        return {k: rebuild(v, replace) for k, v in value.items()}
    return replace(value)


def shape_of(value: Any) -> Shape:
    """The shape of an operand, a known tensor or a number."""
    if isinstance(value, Operand):
        return value.value.shape
    return tuple(value.shape) if isinstance(value, torch.Tensor) else ()


def value_of(value: Any) -> Any:
    """The value behind an Operand; anything else is itself."""
    return value.value if isinstance(value, Operand) else value


def numel(shape: Shape) -> int:
    """The number of elements of a shape."""
    return math.prod(shape)
