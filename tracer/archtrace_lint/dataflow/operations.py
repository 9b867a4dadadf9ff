"""What tensor operations do to abstract values: one table for methods and functions alike."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from archtrace_lint.dataflow.abstract_values import (
    UNKNOWN,
    AbstractValue,
    AbstractValues,
    AxisLength,
    Const,
    Count,
    EosId,
    EosMask,
    EosRows,
    Extreme,
    FirstPad,
    Hidden,
    HighestId,
    Inflated,
    Many,
    MaskedSum,
    PadId,
    PadPositions,
    PositionRange,
    Side,
    TokenIds,
    Tokens,
    constant,
    has,
    items,
    singleton,
)
from archtrace_lint.dataflow.arithmetic import add, matmul, multiply, subtract
from archtrace_lint.dataflow.masking import fill_masked
from archtrace_lint.dataflow.spellings import word_set


@dataclass(frozen=True)
class TensorCall:
    """A tensor operation on one value of its receiver."""

    node: ast.expr
    receiver: AbstractValue
    arguments: tuple[AbstractValues, ...] = ()
    keywords: Mapping[str, AbstractValues] = field(default_factory=dict)

    @property
    def dim(self) -> object:
        """The `dim` argument: a number, None if there is none, `...` if it is unknown."""
        for name in ("dim", "axis"):
            if name in self.keywords:
                return _dim(self.keywords[name])
        return _dim(self.arguments[0]) if self.arguments else None

    @property
    def other(self) -> AbstractValues:
        """The other operand."""
        return self.arguments[0] if self.arguments else UNKNOWN


def _dim(values: AbstractValues) -> object:
    """A dim, or the only dim of a tuple or list."""
    several = items(values)
    return constant(several[0] if several and len(several) == 1 else values)


Operation: TypeAlias = Callable[[TensorCall], AbstractValues]
OPERATIONS: dict[str, Operation] = {}

#: Operations that leave the abstract value as it is.
SAME = word_set(
    "to int long float bool type type_as double half short byte bfloat16 cpu cuda numpy astype cast clone detach "
    "contiguous item tolist clamp clamp_ clamp_min clamp_max clip eval train squeeze unsqueeze expand_dims view "
    "reshape flatten expand expand_as broadcast_to broadcast_to_ repeat tile remainder fmod floormod mod fix "
    "requires_grad_ new_tensor as_tensor tensor asarray array convert_to_tensor identity relu tanh gelu dropout "
    "pow sqrt square sigmoid silu softplus elu leaky_relu exp normalize layer_norm abs pin_memory to_sparse "
    "stop_gradient checkpoint_name nan_to_num int32 int64 Tensor LongTensor IntTensor"
)


def operation(*names: str) -> Callable[[Operation], Operation]:
    """Register the operation of these names; a second one for a name is refused."""

    def register(function: Operation) -> Operation:
        for name in names:
            if name in OPERATIONS or name in SAME:
                raise ValueError(f"{name} has an operation already")
            OPERATIONS[name] = function
        return function

    return register


def same(call: TensorCall) -> AbstractValues:
    """The receiver, as it is."""
    return singleton(call.receiver)


OPERATIONS.update(dict.fromkeys(SAME, same))


def compare(left: AbstractValue, right: AbstractValues, *, equal: bool) -> AbstractValue | None:
    """`left == right`, or `left != right`: a comparison with the pad id makes a mask out of any tensor."""
    if isinstance(left, Side):
        return left
    if has(right, PadId) and not isinstance(left, PadId | Const | EosId | AxisLength):
        return Tokens(attended=not equal, by_id=True, sure=isinstance(left, TokenIds))
    if has(right, EosId) and not isinstance(left, EosId | Const | PadId):
        return EosMask() if equal else None
    number = constant(right)
    # 0 is the pad id of BERT and T5, 1 that of RoBERTa and BART.
    if isinstance(left, TokenIds) and not left.weak and number in (0, 1) and not isinstance(number, bool):
        return Tokens(attended=not equal, by_id=True)
    # `mask == 1` and `mask != 0` are the mask, `mask == 0` and `mask != 1` the other tokens.
    if isinstance(left, Tokens) and isinstance(number, int) and number in (0, 1):
        return replace(left, attended=left.attended == (bool(number) == equal))
    return None


@operation("eq", "equal")
def _eq(call: TensorCall) -> AbstractValues:
    return singleton(compare(call.receiver, call.other, equal=True))


@operation("ne", "not_equal", "gt", "greater")
def _ne(call: TensorCall) -> AbstractValues:
    return singleton(compare(call.receiver, call.other, equal=False))


@operation("logical_not", "bitwise_not", "invert")
def invert(call: TensorCall) -> AbstractValues:
    """The other tokens."""
    value = call.receiver
    return singleton(replace(value, attended=not value.attended) if isinstance(value, Tokens) else None)


#: Kinds of hidden states with a vector per token; of numbers per token, a plain sum may be meant.
VECTORS = word_set("hidden weak")


@operation("sum", "reduce_sum", "count_nonzero")
def _sum(call: TensorCall) -> AbstractValues:
    value = call.receiver
    if isinstance(value, Tokens):
        whole = call.dim is None and not value.single_row
        return singleton(Count(value.attended, whole_batch=whole, weak=value.weak, unpadded=value.unpadded))
    # Layers stacked along a dim of their own, added up: one layer's worth of states.
    if isinstance(value, Hidden) and value.several_layers and call.dim == 0:
        return singleton(replace(value, several_layers=False))
    if isinstance(value, Hidden) and value.masked and call.dim in (1, -2):
        return singleton(MaskedSum(value.encoding) if value.kind in VECTORS else None)
    return singleton(value if isinstance(value, Side) else None)


@operation("argmax")
def _argmax(call: TensorCall) -> AbstractValues:
    value = call.receiver
    # Of equal values torch.argmax gives the first, so of a mask of pads the first pad, and 0 where there is none.
    if isinstance(value, Tokens) and not value.attended:
        return singleton(_first(value, call.node))
    if isinstance(value, TokenIds):
        return singleton(HighestId(call.node))
    return UNKNOWN


@operation("argmin")
def _argmin(call: TensorCall) -> AbstractValues:
    value = call.receiver
    finds_first_pad = isinstance(value, Inflated) or (isinstance(value, Tokens) and value.attended)
    return singleton(_first(value, call.node) if finds_first_pad else None)


def _first(value: AbstractValue, search: ast.expr | None = None) -> FirstPad:
    """The first pad, located by a mask or by positions; `search`: what gives 0 for a row without one."""
    if isinstance(value, Tokens):
        return FirstPad(weak=value.weak, by_id=value.by_id, search=search)
    return FirstPad(by_id=isinstance(value, PadPositions | Inflated) and value.by_id, search=search)


@operation("max", "reduce_max", "amax")
def _max(call: TensorCall) -> AbstractValues:
    # `lengths.max()` is one of the lengths.
    if call.dim is None or isinstance(call.receiver, Count | FirstPad):
        return singleton(call.receiver if isinstance(call.receiver, Count | FirstPad | AxisLength | Side) else None)
    return singleton(Extreme(UNKNOWN, _argmax(call)))


@operation("min", "reduce_min", "amin")
def _min(call: TensorCall) -> AbstractValues:
    # `min` over all positions of pads: the first of them.
    if isinstance(call.receiver, PadPositions):
        return singleton(_first(call.receiver))
    if isinstance(call.receiver, Inflated) and call.receiver.has_positions:
        return singleton(Extreme(singleton(_first(call.receiver)), UNKNOWN))
    if call.dim is None or isinstance(call.receiver, Count | FirstPad):
        return singleton(call.receiver if isinstance(call.receiver, Count | FirstPad | AxisLength | Side) else None)
    return singleton(Extreme(UNKNOWN, _argmin(call)))


@operation("ones_like", "ones")
def _ones(call: TensorCall) -> AbstractValues:
    """A tensor of ones: as a mask, it has no pads."""
    return singleton(Const(1))


@operation("all", "any", "allclose")
def _all(call: TensorCall) -> AbstractValues:
    return singleton(call.receiver if isinstance(call.receiver, Side) else None)


@operation("maximum", "minimum", "fmax", "fmin")
def _bounded(call: TensorCall) -> AbstractValues:
    """A bounded index remains an index, whichever of the two operands it is."""
    return frozenset(
        v for v in (call.receiver, *call.other) if isinstance(v, Count | FirstPad | HighestId | AxisLength)
    )


@operation("nonzero", "argwhere")
def _nonzero(call: TensorCall) -> AbstractValues:
    """`(ids == pad).nonzero()`; a tuple of it with `as_tuple`."""
    value = call.receiver
    if not isinstance(value, Tokens) or value.attended:
        return UNKNOWN
    split = constant(call.keywords.get("as_tuple", UNKNOWN)) is True
    positions = PadPositions(by_id=value.by_id)
    return singleton(Many((singleton(positions),)) if split else positions)


@operation("index")
def _index(call: TensorCall) -> AbstractValues:
    """`row.tolist().index(pad)`."""
    # `list.index` raises where there is no pad, so it has no silent 0: `search` stays empty.
    return singleton(FirstPad(by_id=True) if isinstance(call.receiver, TokenIds) and has(call.other, PadId) else None)


@operation("size", "shape")
def _size(call: TensorCall) -> AbstractValues:
    return singleton(AxisLength())


@operation("masked_select", "boolean_mask")
def _boolean(call: TensorCall) -> AbstractValues:
    return rows_at(call.node, call.receiver, call.other)


def rows_at(node: ast.expr, target: AbstractValue, index: AbstractValues) -> AbstractValues:
    """A gather by a boolean mask of eos tokens gives EosRows."""
    return singleton(EosRows(node) if isinstance(target, Hidden) and has(index, EosMask) else None)


@operation("mul", "mul_", "multiply")
def _mul(call: TensorCall) -> AbstractValues:
    return multiply(call.node, call.receiver, call.other)


@operation("sub", "sub_", "subtract")
def _sub(call: TensorCall) -> AbstractValues:
    return subtract(call.node, call.receiver, call.other)


@operation("add", "add_")
def _add(call: TensorCall) -> AbstractValues:
    return add(call.node, call.receiver, call.other)


@operation("masked_fill", "masked_fill_")
def _fill(call: TensorCall) -> AbstractValues:
    value = call.receiver
    # A fill handles the rows without a pad, for which the search gives 0.
    if isinstance(value, FirstPad):
        return singleton(replace(value, search=None))
    mask, filling = (*call.arguments, UNKNOWN, UNKNOWN)[:2]
    return singleton(fill_masked(value, mask, filling) if isinstance(value, Hidden) else value)


@operation("matmul", "bmm", "mm")
def _matmul(call: TensorCall) -> AbstractValues:
    return matmul(call.node, call.receiver, call.other)


@operation("arange", "range")
def _arange(call: TensorCall) -> AbstractValues:
    return singleton(PositionRange())
