"""Abstract values: what the analysis knows of an expression. Frozen, compared by structure.

An expression has a set of them: where branches join, one value for each possibility. The empty set means *unknown*.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, fields
from typing import TypeAlias, TypeVar


@dataclass(frozen=True)
class AbstractValue:
    """Base of all abstract values."""


AbstractValues: TypeAlias = frozenset[AbstractValue]
# The empty set is neutral in a union: an unknown branch does not hide what the other branch may give.
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
    """The tuple that `split` or `chunk` returns; `part` is the value of each of its items."""

    part: AbstractValue


@dataclass(frozen=True)
class Layer(AbstractValue):
    """A pooling layer (torch.nn or Keras) whose constructor call is in this file."""

    class_name: str


@dataclass(frozen=True)
class Table(AbstractValue):
    """A dict with literal keys."""

    items: tuple[tuple[str, AbstractValues], ...]


@dataclass(frozen=True)
class Encoding(AbstractValue):
    """What a tokenizer returned, padded on `side`. `unpadded`: it certainly has no pads, as none were requested."""

    padded: bool
    side: str = ""
    unpadded: bool = False


@dataclass(frozen=True)
class TokenIds(AbstractValue):
    """Token ids, (batch, tokens), of an encoding if one is known. `weak`: only an ambiguous name suggests it."""

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
    """A mask over tokens: 1 where attended, or 1 where padded. `single_row`: the mask of one sequence of the batch.

    `weak`: only an ambiguous name (`mask`) suggests it. `by_id`: made by a comparison of ids with the pad id.
    `sure`: made by a tokenizer or by a comparison of ids with the pad id; otherwise a name is the only evidence.
    `unpadded`: the batch certainly has no pads.
    """

    attended: bool
    single_row: bool = False
    weak: bool = False
    by_id: bool = False
    sure: bool = False
    unpadded: bool = False


@dataclass(frozen=True)
class EosMask(AbstractValue):
    """A mask over tokens: 1 at eos."""


@dataclass(frozen=True)
class PositionRange(AbstractValue):
    """arange over the tokens, or range."""


@dataclass(frozen=True)
class PadPositions(AbstractValue):
    """The positions of the pads in ascending order: what `nonzero` returns for a mask of them."""

    by_id: bool = False


@dataclass(frozen=True)
class AxisLength(AbstractValue):
    """The length of an axis."""


@dataclass(frozen=True)
class Inflated(AbstractValue):
    """Large at attended tokens; at pads 0, or their position once `has_positions`: its minimum is at the first pad."""

    has_positions: bool = False
    by_id: bool = False


@dataclass(frozen=True)
class Extreme(AbstractValue):
    """What min or max over a dim returns: the values, and their indices."""

    values: AbstractValues
    indices: AbstractValues


@dataclass(frozen=True)
class Count(AbstractValue):
    """How many tokens are attended (or padded), per row; `whole_batch`: one number for all rows together.

    `index_expression`: the expression that subtracted 1 and so turned the count into the index of the last token.
    `unpadded`: the rows certainly have no pads.
    """

    attended: bool = True
    index_expression: ast.expr | None = None
    whole_batch: bool = False
    weak: bool = False
    unpadded: bool = False


@dataclass(frozen=True)
class FirstPad(AbstractValue):
    """The index of the first pad; `by_id`: found by comparing ids with the pad id.

    `index_expression`: the expression that subtracted 1. `search`: the expression that looked for the pad, if it
    returns 0 for a row without one.
    """

    index_expression: ast.expr | None = None
    weak: bool = False
    by_id: bool = False
    search: ast.expr | None = None


@dataclass(frozen=True)
class HighestId(AbstractValue):
    """The position of the highest token id."""

    index_expression: ast.expr


@dataclass(frozen=True)
class Side(AbstractValue):
    """A test of the side on which padding is."""


@dataclass(frozen=True)
class Tokenizer(AbstractValue):
    """A tokenizer, with the side set in the code. `checkpoint_expression`: its checkpoint as the source spells it."""

    side: str = ""
    checkpoint: str = ""
    checkpoint_expression: str = ""


@dataclass(frozen=True)
class Model(AbstractValue):
    """A model: its class and its checkpoint, if named; `without_pooler`: loaded with `add_pooling_layer=False`.

    `checkpoint_expression`: the argument that names the checkpoint, as the source spells it.
    """

    class_name: str
    checkpoint: str = ""
    without_pooler: bool = False
    checkpoint_expression: str = ""


@dataclass(frozen=True)
class ModelOutput(AbstractValue):
    """What a model returned. `sure` is False where its name is the only evidence.

    `kind`: the kind of hidden states (see Hidden) that it is where the code treats it as a tensor, which a custom
    model may return. `layers`: the indices at which the tuple of all layers' states may be, if it was requested.
    `has_prompts`: the input began with soft prompts.
    """

    model: Model | None = None
    encoding: Encoding | None = None
    has_prompts: bool = False
    sure: bool = True
    kind: str = "hidden"
    layers: tuple[int, ...] = ()


@dataclass(frozen=True)
class Hidden(AbstractValue):
    """Hidden states or logits, one row per token. `kind`: "hidden", "logits", "scores" (one number per token), "weak".

    "weak": only an ambiguous name suggests hidden states. `sure` is False where a name is the only evidence.

    `masked`: pads were multiplied by 0, filled or sliced away. `zeroed`: pads are 0 but still in the tensor, so that a
    mean divides by their number as well. `several_layers`: a tuple or a stack, one item per layer. `axis`: the dim of
    the tokens. `has_prompts`: soft prompts come before the text.
    """

    kind: str = "hidden"
    masked: bool = False
    zeroed: bool = False
    several_layers: bool = False
    has_prompts: bool = False
    encoding: Encoding | None = None
    sure: bool = False
    axis: int = 1


@dataclass(frozen=True)
class MaskedSum(AbstractValue):
    """Masked hidden states summed over the tokens, with the encoding of their text if it is known."""

    encoding: Encoding | None = None


@dataclass(frozen=True)
class EosRows(AbstractValue):
    """The hidden states at the eos tokens of all rows, concatenated by `gather`."""

    gather: ast.expr


@dataclass(frozen=True)
class Prompts(AbstractValue):
    """Soft prompts; `prepended`: concatenated in front of the embeddings of a text."""

    prepended: bool = False


@dataclass(frozen=True)
class AdapterConfig(AbstractValue):
    """A PEFT config: its class, its keywords, and the call that makes it."""

    class_name: str
    keywords: tuple[tuple[str, AbstractValues], ...]
    call: ast.expr


Kind = TypeVar("Kind", bound=AbstractValue)


def only(values: AbstractValues, kind: type[Kind]) -> list[Kind]:
    """The values of one kind, in the same order in every run, which a set of values that hold nodes does not have."""
    matches = [v for v in values if isinstance(v, kind)]
    return sorted(matches, key=_order) if len(matches) > 1 else matches


def _order(value: object) -> str:
    """A sort key: the value as text, in which a node is represented by its line and column."""
    # The repr of a node holds its address, which would reorder the findings from run to run.
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
    """True when one of the values is of this kind."""
    for value in values:  # noqa: SIM110 a loop, as this runs for every call: `any` would take twice as long
        if isinstance(value, kind):
            return True
    return False


def tensors(values: AbstractValues) -> AbstractValues:
    """The values as tensors: a ModelOutput becomes the hidden states that a custom model may return directly."""
    if not has(values, ModelOutput):
        return values
    return frozenset(_tensor(v) if isinstance(v, ModelOutput) else v for v in values)


def _tensor(outputs: ModelOutput) -> AbstractValue:
    return Hidden(outputs.kind, has_prompts=outputs.has_prompts, encoding=outputs.encoding, sure=outputs.sure)


def singleton(value: AbstractValue | None) -> AbstractValues:
    """The set that holds this value; UNKNOWN for None."""
    return UNKNOWN if value is None else frozenset((value,))


def constant(values: AbstractValues) -> object:
    """The literal, if the only value is one; otherwise `Ellipsis`."""
    # None is a literal too (`pad_token_id=None`), so it cannot stand for the absence of one.
    return next(iter(values)).value if len(values) == 1 and has(values, Const) else ...  # type: ignore[attr-defined]


def items(values: AbstractValues) -> tuple[AbstractValues, ...] | None:
    """The items of a tuple, a list or a (values, indices) pair; None unless that is the only possibility."""
    # Where branches join tuples of two lengths, an index may mean different items.
    if len(values) != 1:
        return None
    value = next(iter(values))
    if isinstance(value, Many):
        return value.items
    return (value.values, value.indices) if isinstance(value, Extreme) else None
