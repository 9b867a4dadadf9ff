"""The inputs of a forward beside those of the layouts: which it requires, which are filled in, which are left out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import torch

from archtrace.capture.inputs.input_names import MASKS, TRAINING_ONLY, TextInputs, texts, word_of
from archtrace.capture.inputs.layouts import DERIVED, PAGE, texts_in
from archtrace.capture.inputs.signature import inputs_of
from archtrace.errors import TargetError, message


def labels_as_none(forward: Callable[..., Any], given: Collection[str] = ()) -> dict[str, None]:
    """None for each input that only training needs (labels), where a forward requires it."""
    return {
        n: None for n, needed in inputs_of(forward).items() if needed and TRAINING_ONLY.fullmatch(n) and n not in given
    }


def missing(forward: Callable[..., Any], given: Collection[str]) -> tuple[str, ...]:
    """The inputs that a forward requires and that are not given."""
    names = inputs_of(forward, given).items()
    return tuple(n for n, required in names if required and n not in given and not TRAINING_ONLY.fullmatch(n))


def is_complete(forward: Callable[..., Any], given: Mapping[str, torch.Tensor]) -> bool:
    """Whether the given inputs are a layout: tokens or features, and all else that a forward requires."""
    if not given or missing(forward, given):
        return False
    has_data = texts_in(given) or any(value.is_floating_point() for value in given.values())
    return bool(has_data) or not texts([n for n in inputs_of(forward, given) if n not in given], ())


def with_masks(forward: Callable[..., Any], given: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The given inputs, with the masks that a forward requires and what else follows from the given tokens."""
    required = missing(forward, given)
    names = [*given, *required]
    given_texts = [t for t in texts(names, names) if t.ids in given and not given[t.ids].is_floating_point()]
    if not given_texts or not required:
        return dict(given)
    follows = {n for text in given_texts for n in (text.mask, *text.derived)}
    return completed(given, [n for n in required if n in follows], given_texts[0].ids)


def completed(given: Mapping[str, torch.Tensor], names: Collection[str], ids: str) -> dict[str, torch.Tensor]:
    """A layout with the inputs that were left out: masks of ones, and what is derived from masks."""
    layout, given_texts = dict(given), texts_in(dict.fromkeys(names, given[ids]) | dict(given))
    for text in given_texts or (TextInputs(ids, next((n for n in MASKS if n in names), None), ()),):
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
