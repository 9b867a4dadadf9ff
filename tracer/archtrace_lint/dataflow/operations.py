"""What tensor operations do to abstract values: one table for methods and functions, whichever way they are spelled."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from archtrace_lint.dataflow.abstract_values import (
    UNKNOWN,
    Const,
    Count,
    EosId,
    EosMask,
    EosRows,
    Extreme,
    FirstPad,
    Hidden,
    HighestId,
    Ids,
    Inflated,
    Many,
    MaskedSum,
    Outputs,
    PadId,
    Places,
    Positions,
    Side,
    Size,
    Tokens,
    Value,
    Values,
    constant,
    has,
    items,
    one,
    tensors,
)
from archtrace_lint.dataflow.masking import overwritten, weighed
from archtrace_lint.dataflow.word_table import words


@dataclass(frozen=True)
class Call:
    """A tensor operation on one value of its receiver; `dims` is what its `dim` argument is, `...` if unknown."""

    node: ast.expr
    receiver: Value
    arguments: tuple[Values, ...] = ()
    keywords: Mapping[str, Values] = field(default_factory=dict)

    @property
    def dim(self) -> object:
        """The dim that is reduced: a number, None when there is none, `...` when it cannot be told."""
        for name in ("dim", "axis"):
            if name in self.keywords:
                return _dim(self.keywords[name])
        return _dim(self.arguments[0]) if self.arguments else None

    @property
    def other(self) -> Values:
        """The other operand."""
        return self.arguments[0] if self.arguments else UNKNOWN


def _dim(values: Values) -> object:
    """A dim, or the only dim of a tuple or list."""
    several = items(values)
    return constant(several[0] if several and len(several) == 1 else values)


Operation: TypeAlias = Callable[[Call], Values]
OPERATIONS: dict[str, Operation] = {}

#: The value stays what it is.
SAME = words(
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


def same(call: Call) -> Values:
    """The receiver, as it is."""
    return one(call.receiver)


OPERATIONS.update(dict.fromkeys(SAME, same))


def compare(left: Value, right: Values, *, equal: bool) -> Value | None:
    """`left == right`, or `left != right`: a comparison with the pad id makes a mask out of any tensor."""
    if isinstance(left, Side):
        return left
    if has(right, PadId) and not isinstance(left, PadId | Const | EosId | Size):
        return Tokens(attended=not equal, by_id=True, sure=isinstance(left, Ids))
    if has(right, EosId) and not isinstance(left, EosId | Const | PadId):
        return EosMask() if equal else None
    number = constant(right)
    if isinstance(left, Ids) and not left.weak and number in (0, 1) and not isinstance(number, bool):
        return Tokens(attended=not equal, by_id=True)
    if isinstance(left, Tokens) and isinstance(number, int) and number in (0, 1):
        return replace(left, attended=left.attended == (bool(number) == equal))
    return None


@operation("eq", "equal")
def _eq(call: Call) -> Values:
    return one(compare(call.receiver, call.other, equal=True))


@operation("ne", "not_equal", "gt", "greater")
def _ne(call: Call) -> Values:
    return one(compare(call.receiver, call.other, equal=False))


@operation("logical_not", "bitwise_not", "invert")
def invert(call: Call) -> Values:
    """The other tokens."""
    value = call.receiver
    return one(replace(value, attended=not value.attended) if isinstance(value, Tokens) else None)


#: Of what a row a token is a vector; where it is a number, a sum over the whole mask may be meant.
VECTORS = words("hidden weak")


@operation("sum", "reduce_sum", "count_nonzero")
def _sum(call: Call) -> Values:
    value = call.receiver
    if isinstance(value, Tokens):
        whole = call.dim is None and not value.row
        return one(Count(value.attended, whole=whole, weak=value.weak, alone=value.alone))
    if isinstance(value, Hidden) and value.several and call.dim == 0:
        return one(replace(value, several=False))
    if isinstance(value, Hidden) and value.masked and call.dim in (1, -2):
        return one(MaskedSum(value.encoding) if value.what in VECTORS else None)
    return one(value if isinstance(value, Side) else None)


@operation("argmax")
def _argmax(call: Call) -> Values:
    value = call.receiver
    if isinstance(value, Tokens) and not value.attended:
        return one(_first(value, call.node))
    if isinstance(value, Ids):
        return one(HighestId(call.node))
    return UNKNOWN


@operation("argmin")
def _argmin(call: Call) -> Values:
    value = call.receiver
    searched = isinstance(value, Inflated) or (isinstance(value, Tokens) and value.attended)
    return one(_first(value, call.node) if searched else None)


def _first(value: Value, searched: ast.expr | None = None) -> FirstPad:
    """The first pad, as a mask, the places of the pads, or the like show it; `searched` is 0 of a row without one."""
    if isinstance(value, Tokens):
        return FirstPad(weak=value.weak, by_id=value.by_id, searched=searched)
    return FirstPad(by_id=isinstance(value, Places | Inflated) and value.by_id, searched=searched)


@operation("max", "reduce_max", "amax")
def _max(call: Call) -> Values:
    if call.dim is None or isinstance(call.receiver, Count | FirstPad):
        return one(call.receiver if isinstance(call.receiver, Count | FirstPad | Size | Side) else None)
    return one(Extreme(UNKNOWN, _argmax(call)))


@operation("min", "reduce_min", "amin")
def _min(call: Call) -> Values:
    if isinstance(call.receiver, Places):
        return one(_first(call.receiver))
    if isinstance(call.receiver, Inflated) and call.receiver.placed:
        return one(Extreme(one(_first(call.receiver)), UNKNOWN))
    if call.dim is None or isinstance(call.receiver, Count | FirstPad):
        return one(call.receiver if isinstance(call.receiver, Count | FirstPad | Size | Side) else None)
    return one(Extreme(UNKNOWN, _argmin(call)))


@operation("ones_like", "ones")
def _ones(call: Call) -> Values:
    """All of it is 1: as a mask, it has no pads."""
    return one(Const(1))


@operation("all", "any", "allclose")
def _all(call: Call) -> Values:
    return one(call.receiver if isinstance(call.receiver, Side) else None)


@operation("maximum", "minimum", "fmax", "fmin")
def _bounded(call: Call) -> Values:
    """An index that is kept within bounds is an index still, on whichever side of the bound it stands."""
    return frozenset(v for v in (call.receiver, *call.other) if isinstance(v, Count | FirstPad | HighestId | Size))


@operation("nonzero", "argwhere")
def _nonzero(call: Call) -> Values:
    """`(ids == pad).nonzero()`; a tuple of it with `as_tuple`."""
    value = call.receiver
    if not isinstance(value, Tokens) or value.attended:
        return UNKNOWN
    split = constant(call.keywords.get("as_tuple", UNKNOWN)) is True
    places = Places(by_id=value.by_id)
    return one(Many((one(places),)) if split else places)


@operation("index")
def _index(call: Call) -> Values:
    """`row.tolist().index(pad)`."""
    return one(FirstPad(by_id=True) if isinstance(call.receiver, Ids) and has(call.other, PadId) else None)


@operation("size", "shape")
def _size(call: Call) -> Values:
    return one(Size())


@operation("masked_select", "boolean_mask")
def _boolean(call: Call) -> Values:
    return rows_at(call.node, call.receiver, call.other)


def rows_at(node: ast.expr, target: Value, index: Values) -> Values:
    """A boolean gather: the rows at the eos tokens are worth a value of their own."""
    return one(EosRows(node) if isinstance(target, Hidden) and has(index, EosMask) else None)


@operation("mul", "mul_", "multiply")
def _mul(call: Call) -> Values:
    return multiply(call.node, call.receiver, call.other)


@operation("sub", "sub_", "subtract")
def _sub(call: Call) -> Values:
    return subtract(call.node, call.receiver, call.other)


@operation("add", "add_")
def _add(call: Call) -> Values:
    return add(call.node, call.receiver, call.other)


@operation("masked_fill", "masked_fill_")
def _fill(call: Call) -> Values:
    value = call.receiver
    if isinstance(value, FirstPad):
        return one(replace(value, searched=None))
    mask, filling = (*call.arguments, UNKNOWN, UNKNOWN)[:2]
    return one(overwritten(value, mask, filling) if isinstance(value, Hidden) else value)


@operation("matmul", "bmm", "mm")
def _matmul(call: Call) -> Values:
    return matmul(call.node, call.receiver, call.other)


@operation("arange", "range")
def _arange(call: Call) -> Values:
    return one(Positions())


def subtract(node: ast.expr, left: Value, right: Values) -> Values:
    """`left - right`: one less than a count of tokens, or than the first pad, is what the rules are after."""
    if isinstance(left, Count | FirstPad):
        return one(replace(left, made=left.made or node) if constant(right) == 1 else left)
    if isinstance(left, Const) and left.value == 1:
        return frozenset(v for r in right for v in invert(Call(node, r)))
    if isinstance(left, Size):
        return frozenset(replace(c, attended=not c.attended) for c in right if isinstance(c, Count)) or one(left)
    return one(left if isinstance(left, Hidden) else None)


def add(node: ast.expr, left: Value, right: Values) -> Values:
    """`left + right`."""
    if constant(right) == -1:
        return subtract(node, left, one(Const(1)))
    if isinstance(left, Inflated) and has(right, Positions):
        return one(replace(left, placed=True))
    if isinstance(left, Positions):
        return frozenset(replace(r, placed=True) for r in right if isinstance(r, Inflated))
    return one(left if isinstance(left, Hidden | Count | FirstPad | HighestId | Inflated) else None)


def multiply(node: ast.expr, left: Value, right: Values) -> Values:
    """`left * right`: a mask takes the pads out of hidden states."""
    if isinstance(left, Hidden):
        return one(weighed(left, right))
    if isinstance(left, Outputs) and has(right, Tokens):
        return frozenset(weighed(h, right) for h in tensors(one(left)) if isinstance(h, Hidden))
    if isinstance(left, Size):
        return frozenset(Inflated(by_id=r.by_id) for r in right if isinstance(r, Tokens) and r.attended)
    if isinstance(left, Tokens) and left.attended and has(right, Size):
        return one(Inflated(by_id=left.by_id))
    return one(left if isinstance(left, EosMask) else None)


def modulo(node: ast.expr, left: Value, right: Values) -> Values:
    """`left % right` wraps an index, and leaves it what it is."""
    return one(left if isinstance(left, Count | FirstPad | HighestId) else None)


def matmul(node: ast.expr, left: Value, right: Values) -> Values:
    """`left @ right`: hidden states times a matrix are a vector a token still."""
    return one(left if isinstance(left, Hidden) else None)


def conjunction(node: ast.expr, left: Value, right: Values) -> Values:
    """`left & right`: a mask narrowed."""
    return one(left if isinstance(left, Side) else None)


Binary: TypeAlias = Callable[[ast.expr, Value, Values], Values]

#: Operator -> what it does, and whether its operands may change places.
BINARY: dict[type[ast.operator], tuple[Binary, bool]] = {
    ast.Sub: (subtract, False),
    ast.Add: (add, True),
    ast.Mult: (multiply, True),
    ast.Mod: (modulo, False),
    ast.MatMult: (matmul, False),
    ast.BitAnd: (conjunction, True),
    ast.BitOr: (conjunction, True),
}
