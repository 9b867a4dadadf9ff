"""The registry: one rule for each overload of an op, and the terms that rules speak in."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, TypeAlias

import torch

from archtrace.capture.program import Constant, Operation
from archtrace.ops import WITHOUT_RULE, qualified
from archtrace.reach.flows import Everything, Flow
from archtrace.reach.marks import Shape
from archtrace.reach.scales import default_scale
from archtrace.reach.values import Certain, Unknown, Value, known_tensor, unknown


class Spec(NamedTuple):
    """Shape and type of one result."""

    shape: Shape
    dtype: torch.dtype


@dataclass(frozen=True, eq=False)
class Operand:
    """An unknown argument of a call; `slot` counts the tensors of the call from the left."""

    slot: int
    value: Unknown


#: What a call takes that is no list: an unknown tensor as an Operand, all else as it is.
Leaf: TypeAlias = Operand | torch.Tensor | Constant
Argument: TypeAlias = "Leaf | list[Argument] | tuple[Argument, ...]"


@dataclass(frozen=True, eq=False)
class Call:
    """One op applied to known values and to Operands; `arguments` are bound by the names of the op's schema."""

    op: Operation
    name: str
    arguments: Mapping[str, Argument]
    results: tuple[Spec, ...]

    def __getitem__(self, name: str) -> Argument:
        return self.arguments.get(name)

    def value(self, name: str) -> Value:
        """The value of an argument; None where it is not given."""
        return value_of(self[name])

    def known(self, name: str) -> torch.Tensor:
        """An argument that is a known tensor. TypeError where it is none."""
        return known_tensor(self[name])

    def integer(self, name: str) -> int:
        """An argument that is a whole number. TypeError where it is none."""
        return whole_number(self[name])

    def number(self, name: str, default: float) -> float:
        """An argument that is a real number, or else the default. TypeError for anything else."""
        value = self[name]
        if not isinstance(value, int | float | None):
            raise TypeError(f"{name} is no number")
        return default if value is None else float(value)

    def listed(self, name: str) -> list[Argument]:
        """An argument that is a list; one that is none as a list of itself."""
        value = self[name]
        return list(value) if isinstance(value, list | tuple) else [value]

    def integers(self, name: str) -> list[int]:
        """An argument that is a list of whole numbers, or one of them. TypeError where it is none."""
        return [whole_number(value) for value in self.listed(name)]

    def axis(self, rank: int) -> int:
        """The axis that `dim` names, counted from the first. TypeError where it names none."""
        return self.integer("dim") % rank

    def axes(self, rank: int, default: Sequence[int] = ()) -> tuple[int, ...]:
        """The axes that `dim` names, counted from the first; an empty list stands for all of them."""
        dims = default if self["dim"] is None else self.integers("dim")
        return tuple(dim % rank for dim in dims) if rank and dims else tuple(range(rank))

    @cached_property
    def operands(self) -> tuple[Operand, ...]:
        """The unknown arguments, in order."""
        return tuple(leaf for leaf in self.leaves if isinstance(leaf, Operand))

    @property
    def leaves(self) -> Iterator[Leaf]:
        """All arguments, those in lists one by one."""
        return leaves(list(self.arguments.values()))

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

    def run(self, changed: Callable[[Leaf], Argument]) -> list[torch.Tensor]:
        """The results of the op itself, each leaf of the arguments replaced first."""
        return tensors_of(invoke(self.op, {k: rebuild(v, changed) for k, v in self.arguments.items()}))


Flows: TypeAlias = tuple[tuple[int, Flow], ...]
#: A result of an op.
Output: TypeAlias = Unknown | torch.Tensor


@dataclass(frozen=True, eq=False)
class Transfer:
    """What a rule says of a call: the results, and for each of them the flows from the operands' slots.

    A result that no unknown reaches (the batch sizes of a packed sequence) is a plain tensor. `reason` says why nothing
    better is known than that everything reaches everything; it is empty when `narrowed`.
    `silent` are the slots that the rule saw and that reach no result (lent shapes and types, a factor of 0, what is cut
    off). A slot that is in no flow and not silent was overlooked.
    """

    outputs: tuple[Output, ...]
    flows: tuple[Flows, ...]
    narrowed: bool = True
    reason: str = ""
    silent: frozenset[int] = frozenset()


Rule: TypeAlias = Callable[[Call], Transfer]

#: By schema name, for all overloads that have no row of their own; and by overload, as in "aten::view.dtype".
RULES: dict[str, Rule] = {}


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Register a function: "softmax" for all overloads of aten::softmax but those that are named themselves.

    ValueError where a name has a rule already: an overload has one rule.
    """

    def register(function: Rule) -> Rule:
        for name in map(qualified, names):
            if name in RULES:
                raise ValueError(f"{name} has a rule already")
            RULES[name] = function
        return function

    return register


def rule_of(op: Operation) -> Rule | None:
    """The rule of an overload, or of one of our own callables; None where there is none."""
    # Ops of our own have no schema and one overload.
    if not isinstance(op, torch._ops.OpOverload):
        return RULES.get(str(getattr(op, "__name__", "")))
    schema = op._schema
    overload = f"{schema.name}.{schema.overload_name or 'default'}"
    return None if overload in WITHOUT_RULE else RULES.get(overload) or RULES.get(schema.name)


def has_rule(op: Operation) -> bool:
    """True for an op whose flows a rule tells."""
    return rule_of(op) is not None


def apply(call: Call) -> Transfer:
    """The step of a call by its op's rule, or everything where there is none, it fails, or its results are others."""
    own = rule_of(call.op)
    if own is None:
        return unruled(call, f"{call.name} has no rule")
    try:
        step = own(call)
    except Exception as error:  # whatever a rule did not think of: what it cannot answer may be anything
        return unruled(call, f"the rule of {call.name} fails: {type(error).__name__}: {error}".split("\n", 1)[0])
    if tuple(tuple(output.shape) for output in step.outputs) != tuple(tuple(spec.shape) for spec in call.results):
        return unruled(call, f"the rule of {call.name} gives other results than the op")
    lost = overlooked_operands(call, step)
    return unruled(call, f"the rule of {call.name} overlooks {', '.join(lost)}") if lost else step


def overlooked_operands(call: Call, step: Transfer) -> list[str]:
    """The arguments of which a rule says nothing: an overload may name an operand otherwise than its siblings do."""
    mentioned = step.silent.union(slot for flows in step.flows for slot, _ in flows)
    if all(o.slot in mentioned for o in call.operands) or not any(math.prod(s.shape) for s in call.results):
        return []
    missed = {o.slot for o in call.operands} - mentioned
    return [k for k, v in call.arguments.items() if any(isinstance(o, Operand) and o.slot in missed for o in leaves(v))]


def silent(step: Transfer, *values: Argument) -> Transfer:
    """The same step, which says of some operands that they reach no result."""
    slots = frozenset(v.slot for v in leaves(list(values)) if isinstance(v, Operand))
    return replace(step, silent=step.silent | slots)


def everything(call: Call, scale: float | None = None) -> Transfer:
    """No false negatives: each operand may reach each element of each result."""
    step = several(call, (), scale)
    flows = tuple(
        tuple((o.slot, Everything(len(o.value.shape), len(s.shape))) for o in call.operands) for s in call.results
    )
    return Transfer(step.outputs, flows)


def unruled(call: Call, reason: str) -> Transfer:
    """The step of an op that no rule answers: everything, marked as not narrowed, and why."""
    step = everything(call)
    return Transfer(step.outputs, step.flows, narrowed=False, reason=reason)


def single(
    call: Call, flows: Flows, certain: Certain | None = None, offset: Certain | None = None, scale: float | None = None
) -> Transfer:
    """The step of an op with one result, and what is known of it; no scale is promised where none is stated."""
    (shape, dtype), weights_only = call.results[0], call.weights_only
    scale = default_scale(numbers_of(call)) if scale is None else scale
    return Transfer((unknown(shape, dtype, certain, weights_only=weights_only, offset=offset, scale=scale),), (flows,))


def several(call: Call, flows: Flows, scale: float | None = None) -> Transfer:
    """The step of an op with several results, all reached alike."""
    scale = default_scale(numbers_of(call)) if scale is None else scale
    outputs = tuple(unknown(s.shape, s.dtype, weights_only=call.weights_only, scale=scale) for s in call.results)
    return Transfer(outputs, (flows,) * len(outputs))


def numbers_of(call: Call) -> list[Value]:
    """The values of the numbers that results are made of; where these are numbers, whole ones are indices and sizes."""
    values = [value_of(v) for v in call.leaves]
    if not all(s.dtype.is_floating_point or s.dtype.is_complex for s in call.results):
        return [v for v in values if isinstance(v, Unknown | torch.Tensor | float)]
    return [v for v in values if isinstance(v, float) or _fractional(v)]


def _fractional(value: Value) -> bool:
    return isinstance(value, Unknown | torch.Tensor) and (value.dtype.is_floating_point or value.dtype.is_complex)


def bind(op: Operation, args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> dict[str, Argument]:
    """Arguments by the names of the op's schema, defaults included."""
    if not isinstance(op, torch._ops.OpOverload):
        return {**dict(zip(("base", "src"), args, strict=False)), **kwargs}
    bound: dict[str, Argument] = {}
    for position, argument in enumerate(op._schema.arguments):
        if position < len(args):
            bound[argument.name] = args[position]
        elif argument.name in kwargs:
            bound[argument.name] = kwargs[argument.name]
        elif argument.has_default_value():
            bound[argument.name] = argument.default_value
    return bound


def invoke(op: Operation, arguments: Mapping[str, Argument]) -> object:
    """Call an op with arguments bound by name (`self` cannot be passed as a keyword)."""
    if not isinstance(op, torch._ops.OpOverload):
        return op(*arguments.values())
    keyword_only = {a.name for a in op._schema.arguments if a.kwarg_only}
    positional = [v for k, v in arguments.items() if k not in keyword_only]
    return op(*positional, **{k: v for k, v in arguments.items() if k in keyword_only})


def leaves(value: Argument) -> Iterator[Leaf]:
    """All values in nested lists and tuples, from left to right."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from leaves(item)
    else:
        yield value


def rebuild(value: Argument, replace: Callable[[Leaf], Argument]) -> Argument:
    """The same nesting with each leaf replaced."""
    if isinstance(value, list | tuple):
        return [rebuild(item, replace) for item in value]
    return replace(value)


def tensors_of(result: object) -> list[torch.Tensor]:
    """The tensors that an op returned."""
    listed = result if isinstance(result, list | tuple) else [result]
    return [each for each in listed if isinstance(each, torch.Tensor)]


def whole_number(value: object) -> int:
    """A whole number, or a known tensor of one. TypeError for anything else."""
    if not isinstance(value, int | torch.Tensor):
        raise TypeError(f"{value!r} is no whole number")
    return int(value)


def shape_of(value: Argument) -> Shape:
    """The shape of an operand, a known tensor or a number."""
    if isinstance(value, Operand):
        return value.value.shape
    return tuple(value.shape) if isinstance(value, torch.Tensor) else ()


def value_of(value: Argument) -> Value:
    """The value behind an Operand, also within a list; anything else is itself."""
    if isinstance(value, list | tuple):
        return [value_of(item) for item in value]
    return value.value if isinstance(value, Operand) else value


def numel(shape: Shape) -> int:
    """The number of elements of a shape."""
    return math.prod(shape)
