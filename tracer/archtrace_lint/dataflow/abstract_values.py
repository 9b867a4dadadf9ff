"""Abstract values: what the analysis knows of an expression. Frozen, compared by structure.

An expression has a set of them, one for each thing that it may be where branches join; the empty set is *unknown*.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, fields
from typing import TypeAlias, TypeVar


@dataclass(frozen=True)
class AbstractValue:
    """Base of all abstract values."""


AbstractValues: TypeAlias = frozenset[AbstractValue]
# The empty set is neutral in a union: a branch of which nothing is known hides nothing that the other branch may give.
UNKNOWN: AbstractValues = frozenset()


@dataclass(frozen=True)
class Const(AbstractValue):
    """A literal."""

    value: str | int | float | bool | None


@dataclass(frozen=True)
class Many(AbstractValue):
    """A tuple or list, item by item."""

    items: tuple[AbstractValues, ...]


@dataclass(frozen=True)
class Chunks(AbstractValue):
    """A tensor cut into some number of parts along its batch, as `split` and `chunk` cut it: each is such a value."""

    of: AbstractValue


@dataclass(frozen=True)
class Layer(AbstractValue):
    """A layer of torch.nn that was made in sight, by its class."""

    kind: str


@dataclass(frozen=True)
class Table(AbstractValue):
    """A dict with literal keys."""

    items: tuple[tuple[str, AbstractValues], ...]


@dataclass(frozen=True)
class Encoding(AbstractValue):
    """What a tokenizer returned. `alone`: for certain without pads, as nobody asked for any."""

    padded: bool
    side: str = ""
    alone: bool = False


@dataclass(frozen=True)
class TokenIds(AbstractValue):
    """Token ids, (batch, tokens), of an encoding if one is known. `weak`: only a loose name says so."""

    weak: bool = False
    encoding: Encoding | None = None


@dataclass(frozen=True)
class PadId(AbstractValue):
    """The id of the pad token, or the token itself."""


@dataclass(frozen=True)
class EosId(AbstractValue):
    """The id of the eos token, or the token itself."""


@dataclass(frozen=True)
class Tokens(AbstractValue):
    """A mask over tokens: 1 where attended, or 1 where padded. `row`: of one sequence alone.

    `weak`: only a loose name says so (`mask`). `by_id`: made by a comparison of ids with the pad id.
    `sure`: a tokenizer made it, or a comparison of ids with the pad id did; else only a name says what it is.
    `alone`: there are no pads.
    """

    attended: bool
    row: bool = False
    weak: bool = False
    by_id: bool = False
    sure: bool = False
    alone: bool = False


@dataclass(frozen=True)
class EosMask(AbstractValue):
    """A mask over tokens: 1 at eos."""


@dataclass(frozen=True)
class PositionRange(AbstractValue):
    """arange over the tokens, or range."""


@dataclass(frozen=True)
class Places(AbstractValue):
    """The positions of the pads, from first to last: what `nonzero` gives of a mask."""

    by_id: bool = False


@dataclass(frozen=True)
class AxisLength(AbstractValue):
    """The length of an axis."""


@dataclass(frozen=True)
class Inflated(AbstractValue):
    """Large at attended tokens, the position (or 0, before `placed`) at pads: its minimum is the first pad."""

    placed: bool = False
    by_id: bool = False


@dataclass(frozen=True)
class Extreme(AbstractValue):
    """What min or max over a dim gives: values, and the indices of them."""

    values: AbstractValues
    indices: AbstractValues


@dataclass(frozen=True)
class Count(AbstractValue):
    """How many tokens are attended (or padded). `made` is the expression that took 1 off: the index of the last.

    `alone`: of rows without pads.
    """

    attended: bool = True
    made: ast.expr | None = None
    whole: bool = False
    weak: bool = False
    alone: bool = False


@dataclass(frozen=True)
class FirstPad(AbstractValue):
    """The index of the first pad. `made` is the expression that took 1 off; `by_id`: the ids were searched for it.

    `searched` is the expression that looked for it, where that gives 0 of a row without a pad.
    """

    made: ast.expr | None = None
    weak: bool = False
    by_id: bool = False
    searched: ast.expr | None = None


@dataclass(frozen=True)
class HighestId(AbstractValue):
    """The position of the highest token id."""

    made: ast.expr


@dataclass(frozen=True)
class Side(AbstractValue):
    """A test of the side on which padding stands."""


@dataclass(frozen=True)
class Tokenizer(AbstractValue):
    """A tokenizer, with the side that the code gave it. `given`: its checkpoint as it is written."""

    side: str = ""
    checkpoint: str = ""
    given: str = ""


@dataclass(frozen=True)
class Model(AbstractValue):
    """A model: its class as it is written, its checkpoint where one is named, whether its pooler is left out.

    `given`: the checkpoint as it is written.
    """

    kind: str
    checkpoint: str = ""
    bare: bool = False
    given: str = ""


@dataclass(frozen=True)
class ModelOutput(AbstractValue):
    """What a model returned. `sure` is False where nothing but its name says so.

    `what` says what it is where the code treats it as a tensor, which a model of one's own may well return. `layers`:
    where the states of all layers may stand in it as a tuple, if they were asked for.
    """

    model: Model | None = None
    encoding: Encoding | None = None
    prompted: bool = False
    sure: bool = True
    what: str = "hidden"
    layers: tuple[int, ...] = ()


@dataclass(frozen=True)
class Hidden(AbstractValue):
    """Hidden states or logits, a row a token: `what` is "hidden", "logits", "scores" (a number a token), or "weak".

    "weak": only a loose name says so, as with scores.

    `masked`: pads were multiplied away; `several`: a tuple, one a layer; `sure` is False where only its name says so.
    `zeroed`: they were set to 0, and stand there still, so that a mean divides by their number too.
    `axis` is the dim along which the tokens stand.
    """

    what: str = "hidden"
    masked: bool = False
    zeroed: bool = False
    several: bool = False
    prompted: bool = False
    encoding: Encoding | None = None
    sure: bool = False
    axis: int = 1


@dataclass(frozen=True)
class MaskedSum(AbstractValue):
    """Masked hidden states, of an encoding if one is known, summed over the tokens."""

    encoding: Encoding | None = None


@dataclass(frozen=True)
class EosRows(AbstractValue):
    """The hidden states at the eos tokens of all rows, one after another."""

    made: ast.expr


@dataclass(frozen=True)
class Prompts(AbstractValue):
    """Soft prompts; `joined`: in front of the embeddings of a text."""

    joined: bool = False


@dataclass(frozen=True)
class AdapterConfig(AbstractValue):
    """A PEFT config: its class and its keywords."""

    kind: str
    keywords: tuple[tuple[str, AbstractValues], ...]
    made: ast.expr


Kind = TypeVar("Kind", bound=AbstractValue)


def only(values: AbstractValues, kind: type[Kind]) -> list[Kind]:
    """The values of one kind, in the same order in each run: a set of values that hold nodes is in none."""
    matches = [v for v in values if isinstance(v, kind)]
    return sorted(matches, key=_order) if len(matches) > 1 else matches


def _order(value: object) -> str:
    """What a value is, as a text without addresses: a node is its place."""
    # The repr of a node holds its address, by which findings would come in another order in each run.
    if isinstance(value, ast.AST):
        return f"{getattr(value, 'lineno', 0)}:{getattr(value, 'col_offset', 0)}"
    if isinstance(value, frozenset):
        return f"{{{','.join(sorted(map(_order, value)))}}}"
    if isinstance(value, tuple):
        return f"({','.join(map(_order, value))})"
    if isinstance(value, AbstractValue):
        return f"{type(value).__name__}({','.join(_order(getattr(value, f.name)) for f in fields(value))})"
    return repr(value)


def has(values: AbstractValues, kind: type[AbstractValue]) -> bool:
    """True when a value may be of this kind."""
    for value in values:  # noqa: SIM110 a loop, as this is asked of every call: `any` would take twice as long
        if isinstance(value, kind):
            return True
    return False


def tensors(values: AbstractValues) -> AbstractValues:
    """What the code treats as tensors: of a model's outputs, the hidden states that a model of one's own returns."""
    if not has(values, ModelOutput):
        return values
    return frozenset(_tensor(v) if isinstance(v, ModelOutput) else v for v in values)


def _tensor(outputs: ModelOutput) -> AbstractValue:
    return Hidden(outputs.what, prompted=outputs.prompted, encoding=outputs.encoding, sure=outputs.sure)


def one(value: AbstractValue | None) -> AbstractValues:
    """The set of one value; None is unknown."""
    return UNKNOWN if value is None else frozenset((value,))


def constant(values: AbstractValues) -> object:
    """The literal that the values are, if they are one; `Ellipsis` if not."""
    # None is a literal too (`pad_token_id=None`), so what is no literal needs a mark of its own.
    return next(iter(values)).value if len(values) == 1 and has(values, Const) else ...  # type: ignore[attr-defined]


def items(values: AbstractValues) -> tuple[AbstractValues, ...] | None:
    """The items of a tuple, a list or a (values, indices) pair, if it is surely one."""
    # Where branches join tuples of two lengths, no number says which item is meant.
    if len(values) != 1:
        return None
    value = next(iter(values))
    if isinstance(value, Many):
        return value.items
    return (value.values, value.indices) if isinstance(value, Extreme) else None
