"""Tokens: which positions of a layout are there and which are padding."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from archtrace.answer.positions import Rows
from archtrace.answer.result import LayoutResult

#: The names of inputs that are 0 at padding.
MASKS = ("attention_mask", "mask", "input_mask")


def nested(value: Any) -> Any:
    """An input as plain nested lists: the engine may hand over tensors."""
    return value.tolist() if hasattr(value, "tolist") else value


def _matrix(value: Any) -> list[list[Any]] | None:
    """The value as rows, if it has two axes."""
    rows = nested(value)
    two = isinstance(rows, list | tuple) and rows and all(isinstance(r, list | tuple) for r in rows)
    flat = two and not any(isinstance(cell, list | tuple) for r in rows for cell in r)
    return [list(r) for r in rows] if flat else None


def shape(layout: LayoutResult) -> tuple[int, int] | None:
    """Rows and length: those of the first input with two axes."""
    found = next((m for m in map(_matrix, layout.inputs.values()) if m is not None), None)
    return (len(found), len(found[0])) if found else None


def padding(layout: LayoutResult, name: str = "") -> Rows:
    """For each row the positions that are padding, of an input that holds tokens (without a name the first), or of a
    read tensor; where nothing tells, none. An answer of an older format is asked by its mask."""
    if layout.padding:
        return layout.padding.get(name, ()) if name else next(iter(layout.padding.values()))
    mask = next((m for name in MASKS if (m := _matrix(layout.inputs.get(name))) is not None), None)
    if mask is None:
        return tuple(() for _ in layout.bound.tokens)
    return tuple(tuple(i for i, there in enumerate(row) if not there) for row in mask)


def _texts(layout: LayoutResult) -> list[tuple[Rows, Rows]]:
    """Of each text the tokens that reach the logits, and those that are padding."""
    others = ((reached, padding(layout, name)) for name, reached in layout.bound.others.items())
    return [(layout.bound.tokens, padding(layout)), *others]


def leaked(layout: LayoutResult) -> bool:
    """Whether a masked token reaches the logits."""
    return any(set(a) & set(b) for rows, masked in _texts(layout) for a, b in zip(rows, masked, strict=False))


def unreached(layout: LayoutResult) -> int:
    """How many tokens that are not masked do not reach the logits."""
    size = shape(layout)
    every = set(range(size[1] if size else 0))
    return sum(
        len(every - set(reached) - set(_at(masked, n)))
        for rows, masked in _texts(layout)
        for n, reached in enumerate(rows)
    )


def _at(rows: Rows, number: int) -> tuple[int, ...]:
    return rows[number] if number < len(rows) else ()


def choices(layouts: Iterable[LayoutResult]) -> list[str]:
    """The inputs at which an index could have looked to find padding."""
    given = dict.fromkeys(name for layout in layouts for name in layout.inputs)
    return [name for name in given if name == "input_ids" or name in MASKS]
