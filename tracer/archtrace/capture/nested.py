"""Nested arguments: lists, tuples and dicts of what ops take. torch's own walk knows more kinds, and costs four times
as much: for small ops it was a quarter of a capture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias, TypeVar

import torch

Kind = TypeVar("Kind")
#: The arguments of a call: those by position, and those by name. Each is a tensor, a number, a type, a list, ...
Args: TypeAlias = tuple[object, ...]
Kwargs: TypeAlias = dict[str, object]
Change: TypeAlias = Callable[[object], object]


def mapped_arguments(args: Args, kwargs: Kwargs, change: Change) -> tuple[Args, Kwargs]:
    """The arguments of a call, each leaf changed."""
    return tuple([mapped(a, change) for a in args]), {name: mapped(v, change) for name, v in kwargs.items()}


def mapped(value: object, change: Change) -> object:
    """The same nesting with each leaf changed; named tuples become plain ones."""
    if isinstance(value, tuple):
        return tuple([mapped(v, change) for v in value])
    if isinstance(value, list):
        return [mapped(v, change) for v in value]
    if isinstance(value, dict):
        return {k: mapped(v, change) for k, v in value.items()}
    return change(value)


def tensors_in(value: object) -> list[torch.Tensor]:
    """The tensors in nested arguments, from left to right."""
    return list(within(value, torch.Tensor))


def within(value: object, kind: type[Kind]) -> Iterator[Kind]:
    """The leaves of one type in nested arguments, from left to right."""
    if isinstance(value, kind):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from within(item, kind)
    elif isinstance(value, dict):
        for item in value.values():
            yield from within(item, kind)
