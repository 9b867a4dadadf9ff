"""What a forward is called with beside the layouts that are tried: what it needs, what is left out or filled in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import torch

from archtrace.capture.inputs.input_names import MASKS, TAUGHT, TextInputs, texts, word_of
from archtrace.capture.inputs.layouts import DERIVED, PAGE, texts_in
from archtrace.capture.inputs.signature import taken
from archtrace.errors import TargetError, message


def nothing(forward: Callable[..., Any], given: Collection[str] = ()) -> dict[str, None]:
    """What is learned from, where a forward requires it: None in its place."""
    return {n: None for n, needed in taken(forward).items() if needed and TAUGHT.fullmatch(n) and n not in given}


def unguessed(forward: Callable[..., Any], given: Collection[str]) -> tuple[str, ...]:
    """What a forward requires beside what is given."""
    needed = taken(forward, given).items()
    return tuple(n for n, required in needed if required and n not in given and not TAUGHT.fullmatch(n))


def whole(forward: Callable[..., Any], given: Mapping[str, torch.Tensor]) -> bool:
    """Whether what is given is a layout of its own: with tokens, or features, and all else that a forward requires."""
    if not given or unguessed(forward, given):
        return False
    own = texts_in(given) or any(value.is_floating_point() for value in given.values())
    return bool(own) or not texts([n for n in taken(forward, given) if n not in given], ())


def following(forward: Callable[..., Any], given: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """What is given, and masks and what else follows from the tokens where a forward requires it."""
    needed = unguessed(forward, given)
    names = [*given, *needed]
    found = [t for t in texts(names, names) if t.ids in given and not given[t.ids].is_floating_point()]
    follows = {n for t in found for n in (t.mask, *t.derived)}
    return completed(given, [n for n in needed if n in follows], found[0].ids) if found and needed else dict(given)


def completed(given: Mapping[str, torch.Tensor], names: Collection[str], ids: str) -> dict[str, torch.Tensor]:
    """A layout with the inputs that were left out: masks of ones, and what is derived from masks."""
    layout, found = dict(given), texts_in(dict.fromkeys(names, given[ids]) | dict(given))
    for text in found or (TextInputs(ids, next((n for n in MASKS if n in names), None), ()),):
        tokens = layout.get(text.ids, given[ids])
        shape = tokens.shape[:2] if tokens.is_floating_point() else tokens.shape
        mask = layout.get(text.mask or "", torch.ones(shape, dtype=torch.long))
        for name in (n for n in (text.mask, *text.derived) if n is not None and n not in layout):
            layout[name] = mask if name == text.mask else DERIVED[word_of(name, DERIVED) or name](mask)
    mask = next((layout[n] for n in MASKS if n in layout), torch.ones(given[ids].shape[:2], dtype=torch.long))
    return layout | {n: (DERIVED | PAGE).get(n, torch.zeros_like)(mask) for n in names if n not in layout}


def tensor_of(name: str, value: object, where: str) -> torch.Tensor:
    """The tensor of an input that a user gives. TargetError for what is no numbers, or rows of several lengths."""
    try:
        return torch.as_tensor(value)
    except (ValueError, TypeError, RuntimeError) as error:
        what = message(
            f"the input {name} is no tensor",
            where=where,
            why=str(error).partition("\n")[0],
            do="give numbers: what a tokenizer returns, nested lists with rows of one length, arrays or tensors",
        )
        raise TargetError(what) from None
