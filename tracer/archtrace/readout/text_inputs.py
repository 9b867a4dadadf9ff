"""Given: from what people have of a text (a tokenizer's encoding, lists, arrays, tensors) to a layout's tensors."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias, cast

import torch

import archtrace.capture.inputs.layouts as lay
from archtrace.capture.inputs import forwards
from archtrace.capture.inputs.input_names import MASKS
from archtrace.capture.program import Node
from archtrace.errors import LayoutError, TargetError, close_names, message
from archtrace.ops import TABLES
from archtrace.readout.analysis import Analysis
from archtrace.readout.expression import inputs_behind

#: Tensors of a layout, by the names of the inputs.
Inputs = dict[str, torch.Tensor]
#: A value of an input as lists, or numbers of one: what people give once arrays are lists.
Nested: TypeAlias = "torch.Tensor | int | float | str | list[Nested]"


def layout_of(given: Mapping[str, object], analysis: Analysis) -> Inputs:
    """The layout that these inputs are, with what was left out: masks, and what is derived from masks.

    Rows of different length are padded, at the end unless the config has a `padding_side`, and the mask says so. A
    value without the axis of rows is one row. Raises TargetError for a name that the forward does not take, and for
    what is no tensor.
    """
    given = {name: value for name, value in given.items() if value is not None}
    _refuse_others(given, analysis)
    config = lay.holder(analysis.module if getattr(analysis.module, "config", None) is None else analysis.module.config)
    pads = _Pads(analysis, lay.vocabulary_of(config).pad, getattr(config, "padding_side", "right"), given)
    layout = {name: pads.tensor(name, value) for name, value in given.items()}
    mask = pads.mask(layout)
    layout |= {} if mask is None else {mask[0]: mask[1]}
    layout = _with_rows(layout, analysis)
    _refuse_other_lengths(layout, analysis)
    return forwards.completed(layout, analysis.program.inputs, analysis.ids)


def _refuse_others(given: Mapping[str, object], analysis: Analysis) -> None:
    """Raise TargetError where a name is none of the forward's, or where the tokens are missing."""
    name, known = type(analysis.module).__name__, _names(analysis)
    others = sorted(n for n in given if known is not None and n not in known)
    if others:
        near = [close for n in others for close in close_names(n, known or (), 1)]
        what = message(
            f"{name} has no input {', '.join(others)}",
            where="Trace.at",
            why=f"its forward takes {', '.join(known or ())}",
            do=f"did you mean {' or '.join(near)}?" if near else "leave it out",
        )
        raise TargetError(what)
    for missing in (ids for ids in (analysis.ids, *analysis.also) if ids not in given):
        what = message(
            f"{missing} is missing",
            where="Trace.at",
            why="the tokens fix which positions there are",
            do=f"give {missing}, or all that a tokenizer returns: trace.at(**tokenizer(text))",
        )
        raise TargetError(what)


def _names(analysis: Analysis) -> tuple[str, ...] | None:
    """The inputs that a model takes; None where it takes any name (`**batch`)."""
    parameters = inspect.signature(analysis.module.forward).parameters
    plain = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    own = [name for name, parameter in parameters.items() if parameter.kind in plain]
    # A forward that names its tokens means what it names; what is left over goes to options, not to tensors.
    any_name = analysis.ids not in own and any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    return None if any_name else tuple(dict.fromkeys([*analysis.program.inputs, *own]))


class _Pads:
    """Rows of different length made equally long, and the mask that tells of it."""

    def __init__(self, analysis: Analysis, pad: int | None, side: str, given: Mapping[str, object]) -> None:
        self._analysis, self._pad, self._side = analysis, pad, side
        self._ids = _plain(given[analysis.ids])
        # Of features given in place of ids the last axis is their width, and the one before it their positions.
        self._depth = _depth(self._ids) - next(iter(analysis.layouts.values()))[analysis.ids].is_floating_point()
        self._lengths = set(_lengths(self._ids, self._depth))

    def tensor(self, name: str, value: object) -> torch.Tensor:
        """The tensor of an input."""
        plain = _plain(value)
        if isinstance(plain, list) and self._ragged(plain):
            plain = self._filled(plain, self._depth, self._blank(name))
        return _tensor(name, plain)

    def mask(self, layout: Inputs) -> tuple[str, torch.Tensor] | None:
        """Name and value of the mask of what was padded here; None where nothing was, or where one was given."""
        if len(self._lengths) < 2 or any(name in layout for name in MASKS):
            return None
        name = next((n for n in MASKS if n in (_names(self._analysis) or MASKS)), None)
        ones = _ones(self._ids, self._depth)
        return None if name is None else (name, torch.as_tensor(self._filled(ones, self._depth, 0)))

    def _ragged(self, value: list[Nested]) -> bool:
        return _depth(value) >= self._depth and len(set(_lengths(value, self._depth))) > 1

    def _blank(self, name: str) -> int:
        """What padding is in an input."""
        if name not in self._analysis.tokens:
            return int(name in lay.TELLING.keys() - lay.COUNTS)  # True where a position is padding
        if self._pad is None and not set(MASKS) & set(_names(self._analysis) or MASKS):
            what = message(
                f"the rows of {name} are not equally long",
                where="Trace.at",
                why=f"{type(self._analysis.module).__name__} has neither a pad id nor a mask that could tell padding",
                do="give rows of one length, or one row at a time",
            )
            raise TargetError(what)
        return self._pad or 0

    def _filled(self, value: Nested, depth: int, blank: int) -> list[Nested]:
        parts = value if isinstance(value, list) else [value]
        if depth > 1:
            return [self._filled(part, depth - 1, blank) for part in parts]
        gap = [_like(parts[0], blank) if parts else blank] * (max(self._lengths) - len(parts))
        return [*gap, *parts] if self._side == "left" else [*parts, *gap]


def _plain(value: object) -> Nested:
    """Arrays and tensors as they are, or as lists where they are within a list."""
    if isinstance(value, torch.Tensor):
        return value.detach().cpu()
    if isinstance(value, list | tuple):
        return [_as_lists(part) for part in value]
    return _as_lists(value)


def _as_lists(value: object) -> Nested:
    """An array or tensor as nested lists; of anything else what it is, which torch may yet refuse."""
    lists: Callable[[], Nested] | None = getattr(value, "tolist", None)
    if lists is not None:
        return lists()
    return [_as_lists(part) for part in value] if isinstance(value, list | tuple) else cast(Nested, value)


def _depth(value: Nested) -> int:
    """How many axes a value has."""
    if isinstance(value, torch.Tensor):
        return value.ndim
    return 1 + _depth(value[0]) if isinstance(value, list) and value else int(isinstance(value, list))


def _lengths(value: Nested, depth: int) -> Iterator[int]:
    """The lengths along the axis at that depth."""
    if isinstance(value, list) and depth > 1:
        for part in value:
            yield from _lengths(part, depth - 1)
    elif isinstance(value, torch.Tensor):
        yield value.shape[depth - 1]
    elif isinstance(value, list | str):
        yield len(value)
    else:
        raise TypeError(f"a number has no axis {depth - 1}")


def _ones(value: Nested, depth: int) -> list[Nested]:
    """Ones in place of tokens."""
    parts = value if isinstance(value, list) else [value]
    return [1] * len(parts) if depth == 1 else [_ones(part, depth - 1) for part in parts]


def _like(value: Nested, blank: int) -> Nested:
    """The same nesting, blank: a position may hold several numbers, as a box does."""
    return [_like(part, blank) for part in value] if isinstance(value, list) else blank


def _tensor(name: str, value: object) -> torch.Tensor:
    tensor = forwards.tensor_of(name, value, "Trace.at")
    if not tensor.numel():
        raise TargetError(message(f"the input {name} is empty", where="Trace.at", do="give one token at the least"))
    return tensor


def _with_rows(layout: Inputs, analysis: Analysis) -> Inputs:
    """One row, given without the axis of rows, gets it."""
    ranks = {name: len(shape) for name, shape in analysis.program.shapes.items()}
    bare = layout[analysis.ids].ndim == ranks[analysis.ids] - 1
    lacking = {name for name, value in layout.items() if value.ndim == ranks.get(name, value.ndim + bare) - 1}
    return {name: value[None] if name in lacking else value for name, value in layout.items()}


def _refuse_other_lengths(layout: Inputs, analysis: Analysis) -> None:
    """Raise LayoutError where a mask or the like is not as long as the tokens, as it was when the model was traced."""
    ids, shapes = layout[analysis.ids], analysis.program.shapes
    for name in ({*MASKS, *lay.DERIVED} - lay.COUNTS) & layout.keys():
        value, traced = layout[name], shapes.get(name, shapes[analysis.ids])
        alike = traced == shapes[analysis.ids] and value.ndim == ids.ndim
        if alike and value.shape[-1] != ids.shape[-1]:
            what = message(
                f"{name} is {value.shape[-1]} long, and {analysis.ids} {ids.shape[-1]}",
                where="Trace.at",
                do="give one number for each token",
            )
            raise LayoutError(what)


def refuse_beyond(analysis: Analysis) -> None:
    """Raise LayoutError where an id, or what is computed from ids, is none of the table that it is looked up in."""
    for bound in analysis.bounds.values():
        for node in bound.program.nodes:
            if node.op in TABLES:
                index = bound.known(ids.index) if (ids := node.operand(1)) is not None else None
                rows = _rows_of_table(bound.program.nodes, node)
                if index is not None and rows and bool(((index < 0) | (index >= rows)).any()):
                    raise LayoutError(_beyond(analysis, node, index, rows))


def _rows_of_table(nodes: tuple[Node, ...], node: Node) -> int:
    table = nodes[node.refs[0]].results
    return table[0][0][0] if table else 0


def _beyond(analysis: Analysis, node: Node, index: torch.Tensor, rows: int) -> str:
    place = ((index < 0) | (index >= rows)).nonzero()[0].tolist()
    names = " and ".join(inputs_behind(analysis.program, {node.refs[1]})) or "the model itself"
    return message(
        f"{int(index[tuple(place)])} is none of the {rows} rows of the table {node.module}",
        where=f"{names}, at {place}",
        why="the model would look it up there, and fail",
        do=f"give ids from 0 to {rows - 1}",
    )
