"""What a subscript selects from a value."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from archtrace_lint.dataflow.abstract_values import (
    UNKNOWN,
    AbstractValue,
    AbstractValues,
    AxisLength,
    Chunks,
    Count,
    Encoding,
    EosMask,
    EosRows,
    Extreme,
    FirstPad,
    Hidden,
    HighestId,
    Many,
    ModelOutput,
    PadPositions,
    PositionRange,
    Prompts,
    Side,
    Table,
    TokenIds,
    Tokens,
    constant,
    items,
    only,
    singleton,
)
from archtrace_lint.dataflow.masking import slice_tokens
from archtrace_lint.dataflow.name_meanings import name_meaning
from archtrace_lint.dataflow.operations import rows_at

Parts: TypeAlias = Sequence[ast.expr]


def literal(node: ast.expr) -> int | None:
    """The value of an integer literal, also with a minus; None for any other expression."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = literal(node.operand)
        return None if inner is None else -inner
    # `x[True]` is a mask, though a bool is an int.
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return node.value
    return None


def keeps_axis(part: ast.expr) -> bool:
    """A part that selects no single position: a slice, None, an ellipsis."""
    return isinstance(part, ast.Slice) or (isinstance(part, ast.Constant) and part.value in (None, ...))


def fixed_index(parts: Parts) -> int | None:
    """k in `[:, k]`."""
    full = isinstance(parts[0], ast.Slice) and parts[0].lower is None and parts[0].upper is None
    return literal(parts[1]) if full and len(parts) > 1 else None


def outputs_item(outputs: ModelOutput, name: object) -> AbstractValues | None:
    """An item of a model's output by name or number; None where only the name can tell."""
    # SequenceClassifierOutput of transformers has no last hidden state, and its logits are a row a text, not a token.
    pooled = outputs.model is not None and "SequenceClassification" in outputs.model.class_name
    hidden = Hidden(has_prompts=outputs.has_prompts, encoding=outputs.encoding, sure=outputs.sure)
    if name in ("last_hidden_state", 0):
        return singleton(None if pooled else hidden)
    if name == "logits":
        return singleton(None if pooled else replace(hidden, kind="logits"))
    if name == "hidden_states":
        return singleton(replace(hidden, several_layers=True))
    # By its number: a plain tuple, or an output that is taken for one.
    if name in outputs.layers:
        return singleton(replace(hidden, several_layers=True))
    return UNKNOWN if isinstance(name, int) else None


def encoded_item(encoding: Encoding, name: object) -> AbstractValues | None:
    """The ids of an encoding, which refer to it, or its mask, which is sure; None for other items."""
    if name == "attention_mask":
        return singleton(Tokens(attended=True, sure=True, unpadded=encoding.unpadded))
    return singleton(TokenIds(encoding=encoding)) if name == "input_ids" else None


def item_by_key(base: AbstractValues, key: str) -> AbstractValues:
    """`base["key"]`."""
    for table in only(base, Table):
        return dict(table.items).get(key, UNKNOWN)
    for outputs in only(base, ModelOutput):
        return outputs_item(outputs, key) or UNKNOWN
    for encoding in only(base, Encoding):
        return encoded_item(encoding, key) or name_meaning(key)
    return singleton(Tokens(attended=True, sure=True)) if key == "attention_mask" else name_meaning(key)


Select: TypeAlias = Callable[[ast.expr, AbstractValue, Parts, Sequence[AbstractValues]], AbstractValues]


def _same(node: ast.expr, base: AbstractValue, parts: Parts, values: Sequence[AbstractValues]) -> AbstractValues:
    return singleton(base)


def _item(node: ast.expr, base: AbstractValue, parts: Parts, values: Sequence[AbstractValues]) -> AbstractValues:
    members, number = items(singleton(base)) or (), constant(values[0])
    return members[number] if isinstance(number, int) and -len(members) <= number < len(members) else UNKNOWN


def _outputs(node: ast.expr, base: AbstractValue, parts: Parts, values: Sequence[AbstractValues]) -> AbstractValues:
    assert isinstance(base, ModelOutput)
    return outputs_item(base, constant(values[0])) or UNKNOWN


def _hidden(node: ast.expr, base: AbstractValue, parts: Parts, values: Sequence[AbstractValues]) -> AbstractValues:
    """Rows and slices stay hidden states; a position of them does not."""
    assert isinstance(base, Hidden)
    # `hidden[eos_mask]` forgets which row a state came from.
    eos = rows_at(node, base, values[0])
    if eos:
        return eos
    if len(parts) == 1:
        is_selection = _selects_tokens(base, parts[0], values[0])
        return singleton(
            replace(
                slice_tokens(base, partial=is_selection), several_layers=base.several_layers and keeps_axis(parts[0])
            )
        )
    # `hidden[..., 0]` takes a feature of each token, and so do states of several layers keep their tokens.
    keeps_tokens = (
        base.several_layers or keeps_axis(parts[1]) or (isinstance(parts[0], ast.Constant) and parts[0].value is ...)
    )
    is_partial = isinstance(parts[1], ast.Slice) and bool(parts[1].lower or parts[1].upper)
    # `hidden[:, n_prompts:]` cuts the prompts off again.
    skips_prompts = isinstance(parts[1], ast.Slice) and parts[1].lower is not None
    return singleton(
        replace(slice_tokens(base, partial=is_partial), has_prompts=base.has_prompts and not skips_prompts)
        if keeps_tokens
        else None
    )


def _selects_tokens(base: Hidden, part: ast.expr, index: AbstractValues) -> bool:
    """The subscript selects some tokens only: by a mask or by their ids; of one text, by a slice or an index."""
    by_id = isinstance(part, ast.Compare) and "ids" in ast.unparse(part)
    is_partial = not isinstance(part, ast.Slice) or part.lower is not None or part.upper is not None
    return by_id or bool(only(index, Tokens)) or (base.axis == 0 and not base.several_layers and is_partial)


def _piece(node: ast.expr, base: AbstractValue, parts: Parts, values: Sequence[AbstractValues]) -> AbstractValues:
    assert isinstance(base, Chunks)
    return singleton(base.part)


def _mask(node: ast.expr, base: AbstractValue, parts: Parts, values: Sequence[AbstractValues]) -> AbstractValues:
    """A row of a mask is a mask; its first or last column tells the side of padding."""
    assert isinstance(base, Tokens)
    if len(parts) == 1:
        return singleton(base if keeps_axis(parts[0]) else replace(base, single_row=True))
    # `attention_mask[:, -1].sum() == len(attention_mask)` asks for the side (model card of
    # intfloat/e5-mistral-7b-instruct).
    return singleton(base if all(map(keeps_axis, parts[1:])) else Side())


def _ids(node: ast.expr, base: AbstractValue, parts: Parts, values: Sequence[AbstractValues]) -> AbstractValues:
    # `ids[:, 0] == pad_token_id` asks for the side, as a column of the mask does.
    return singleton(base if len(parts) == 1 or all(map(keeps_axis, parts[1:])) else Side())


def _pad_positions(
    node: ast.expr, base: AbstractValue, parts: Parts, values: Sequence[AbstractValues]
) -> AbstractValues:
    """The first pad, or a later one (`pads[n]`, for a text that begins with a pad); a slice remains pad positions."""
    assert isinstance(base, PadPositions)
    if keeps_axis(parts[0]):
        return singleton(base)
    number = literal(parts[0])
    return singleton(FirstPad(by_id=base.by_id) if number in (0, None) else None)


SELECT: dict[type[AbstractValue], Select] = {
    Hidden: _hidden,
    ModelOutput: _outputs,
    Tokens: _mask,
    TokenIds: _ids,
    PadPositions: _pad_positions,
    Chunks: _piece,
    Many: _item,
    Extreme: _item,
    **dict.fromkeys((Count, FirstPad, HighestId, EosRows, EosMask, AxisLength, PositionRange, Prompts, Side), _same),
}


def select(node: ast.expr, base: AbstractValue, parts: Parts, values: Sequence[AbstractValues]) -> AbstractValues:
    """What the subscript selects from one value."""
    rule = SELECT.get(type(base))
    return rule(node, base, parts, values) if rule else UNKNOWN
