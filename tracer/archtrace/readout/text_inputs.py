"""Given: from what people have of a text (a tokenizer's encoding, lists, arrays, tensors) to a layout's tensors."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import torch

import archtrace.capture.inputs.layouts as lay
from archtrace.capture.inputs import forwards
from archtrace.capture.inputs.input_names import MASKS
from archtrace.capture.program import Node, Ref
from archtrace.errors import LayoutError, TargetError, close_names, message
from archtrace.ops import TABLES
from archtrace.readout.analysis import Analysis
from archtrace.readout.expression import inputs_behind

#: Tensors of a layout, by the names of the inputs.
Inputs = dict[str, torch.Tensor]


def layout_of(given: Mapping[str, Any], study: Analysis) -> Inputs:
    """The layout that these inputs are, with what was left out: masks, and what is derived from masks.

    Rows of different length are padded, at the end unless the config has a `padding_side`, and the mask says so. A
    value without the axis of rows is one row. Raises TargetError for a name that the forward does not take, and for
    what is no tensor.
    """
    given = {name: value for name, value in given.items() if value is not None}
    _refuse_others(given, study)
    config = lay.holder(study.module if getattr(study.module, "config", None) is None else study.module.config)
    pads = _Pads(study, lay.vocabulary(config).pad, getattr(config, "padding_side", "right"), given)
    layout = {name: pads.tensor(name, value) for name, value in given.items()}
    mask = pads.mask(layout)
    layout |= {} if mask is None else {mask[0]: mask[1]}
    layout = _with_rows(layout, study)
    _refuse_other_lengths(layout, study)
    return forwards.completed(layout, study.program.inputs, study.ids)


def _refuse_others(given: Mapping[str, Any], study: Analysis) -> None:
    """Raise TargetError where a name is none of the forward's, or where the tokens are missing."""
    name, known = type(study.module).__name__, _names(study)
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
    for missing in (ids for ids in (study.ids, *study.also) if ids not in given):
        what = message(
            f"{missing} is missing",
            where="Trace.at",
            why="the tokens fix which positions there are",
            do=f"give {missing}, or all that a tokenizer returns: trace.at(**tokenizer(text))",
        )
        raise TargetError(what)


def _names(study: Analysis) -> tuple[str, ...] | None:
    """The inputs that a model takes; None where it takes any name (`**batch`)."""
    parameters = inspect.signature(study.module.forward).parameters
    plain = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    own = [name for name, parameter in parameters.items() if parameter.kind in plain]
    # A forward that names its tokens means what it names; what is left over goes to options, not to tensors.
    any_name = study.ids not in own and any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    return None if any_name else tuple(dict.fromkeys([*study.program.inputs, *own]))


class _Pads:
    """Rows of different length made equally long, and the mask that tells of it."""

    def __init__(self, study: Analysis, pad: int | None, side: str, given: Mapping[str, Any]) -> None:
        self._study, self._pad, self._side = study, pad, side
        self._ids = _plain(given[study.ids])
        # Of features given in place of ids the last axis is their width, and the one before it their positions.
        self._depth = _depth(self._ids) - next(iter(study.layouts.values()))[study.ids].is_floating_point()
        self._lengths = set(_lengths(self._ids, self._depth))

    def tensor(self, name: str, value: Any) -> torch.Tensor:
        """The tensor of an input."""
        plain = _plain(value)
        if isinstance(plain, list) and self._ragged(plain):
            plain = self._filled(plain, self._depth, self._blank(name))
        return _tensor(name, plain)

    def mask(self, layout: Inputs) -> tuple[str, torch.Tensor] | None:
        """Name and value of the mask of what was padded here; None where nothing was, or where one was given."""
        if len(self._lengths) < 2 or any(name in layout for name in MASKS):
            return None
        name = next((n for n in MASKS if n in (_names(self._study) or MASKS)), None)
        ones = _depths(self._ids, self._depth)
        return None if name is None else (name, torch.as_tensor(self._filled(ones, self._depth, 0)))

    def _ragged(self, value: list[Any]) -> bool:
        return _depth(value) >= self._depth and len(set(_lengths(value, self._depth))) > 1

    def _blank(self, name: str) -> int:
        """What padding is in an input."""
        if name not in self._study.tokens:
            return int(name in lay.TELLING.keys() - lay.COUNTS)  # True where a position is padding
        if self._pad is None and not set(MASKS) & set(_names(self._study) or MASKS):
            what = message(
                f"the rows of {name} are not equally long",
                where="Trace.at",
                why=f"{type(self._study.module).__name__} has neither a pad id nor a mask that could tell padding",
                do="give rows of one length, or one row at a time",
            )
            raise TargetError(what)
        return self._pad or 0

    def _filled(self, value: list[Any], depth: int, blank: int) -> list[Any]:
        if depth > 1:
            return [self._filled(part, depth - 1, blank) for part in value]
        gap = [_like(value[0], blank) if value else blank] * (max(self._lengths) - len(value))
        return [*gap, *value] if self._side == "left" else [*value, *gap]


def _plain(value: Any) -> Any:
    """Arrays and tensors as they are, or as lists where they are within a list."""
    if isinstance(value, torch.Tensor):
        return value.detach().cpu()
    if isinstance(value, list | tuple):
        return [part.tolist() if hasattr(part, "tolist") else _plain(part) for part in value]
    return value.tolist() if hasattr(value, "tolist") else value


def _depth(value: Any) -> int:
    """How many axes a value has."""
    if isinstance(value, torch.Tensor):
        return value.ndim
    return 1 + _depth(value[0]) if isinstance(value, list) and value else int(isinstance(value, list))


def _lengths(value: Any, depth: int) -> Iterator[int]:
    """The lengths along the axis at that depth."""
    if isinstance(value, list) and depth > 1:
        for part in value:
            yield from _lengths(part, depth - 1)
    elif isinstance(value, torch.Tensor):
        yield value.shape[depth - 1]
    else:
        yield len(value)


def _depths(value: list[Any], depth: int) -> list[Any]:
    """Ones in place of tokens."""
    return [1] * len(value) if depth == 1 else [_depths(part, depth - 1) for part in value]


def _like(value: Any, blank: int) -> Any:
    """The same nesting, blank: a position may hold several numbers, as a box does."""
    return [_like(part, blank) for part in value] if isinstance(value, list) else blank


def _tensor(name: str, value: Any) -> torch.Tensor:
    tensor = forwards.tensor_of(name, value, "Trace.at")
    if not tensor.numel():
        raise TargetError(message(f"the input {name} is empty", where="Trace.at", do="give one token at the least"))
    return tensor


def _with_rows(layout: Inputs, study: Analysis) -> Inputs:
    """One row, given without the axis of rows, gets it."""
    ranks = {name: len(shape) for name, shape in study.program.shapes.items()}
    bare = layout[study.ids].ndim == ranks[study.ids] - 1
    lacking = {name for name, value in layout.items() if value.ndim == ranks.get(name, value.ndim + bare) - 1}
    return {name: value[None] if name in lacking else value for name, value in layout.items()}


def _refuse_other_lengths(layout: Inputs, study: Analysis) -> None:
    """Raise LayoutError where a mask or the like is not as long as the tokens, as it was when the model was traced."""
    ids, shapes = layout[study.ids], study.program.shapes
    for name in ({*MASKS, *lay.DERIVED} - lay.COUNTS) & layout.keys():
        value, traced = layout[name], shapes.get(name, shapes[study.ids])
        alike = traced == shapes[study.ids] and value.ndim == ids.ndim
        if alike and value.shape[-1] != ids.shape[-1]:
            what = message(
                f"{name} is {value.shape[-1]} long, and {study.ids} {ids.shape[-1]}",
                where="Trace.at",
                do="give one number for each token",
            )
            raise LayoutError(what)


def refuse_beyond(study: Analysis) -> None:
    """Raise LayoutError where an id, or what is computed from ids, is none of the table that it is looked up in."""
    for found in study.bounds.values():
        for node in found.program.nodes:
            if node.op in TABLES:
                index = found.known(node.args[1].index) if isinstance(node.args[1], Ref) else None
                rows = _rows_of_table(found.program.nodes, node)
                if index is not None and rows and bool(((index < 0) | (index >= rows)).any()):
                    raise LayoutError(_beyond(study, node, index, rows))


def _rows_of_table(nodes: tuple[Node, ...], node: Node) -> int:
    table = nodes[node.args[0].index].results
    return table[0][0][0] if table else 0


def _beyond(study: Analysis, node: Node, index: torch.Tensor, rows: int) -> str:
    place = ((index < 0) | (index >= rows)).nonzero()[0].tolist()
    names = " and ".join(inputs_behind(study.program, {node.args[1].index})) or "the model itself"
    return message(
        f"{int(index[tuple(place)])} is none of the {rows} rows of the table {node.module}",
        where=f"{names}, at {place}",
        why="the model would look it up there, and fail",
        do=f"give ids from 0 to {rows - 1}",
    )
