"""Length: how long a text the tokenizer lets through, and how long a text the model takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import archtrace.capture.inputs.layouts as lay
from archtrace.answer.diagnosis import Fault
from archtrace.errors import LayoutError
from archtrace.setup.given_texts import GivenTexts
from archtrace.setup.model_and_input import Setup
from archtrace.setup.pad_id import first_line
from archtrace.targets.tokenized import encoded

#: The longest text that is tried, in tokens: a trial costs a capture, whose masks grow with the square of it.
LONGEST = 2050


@dataclass(frozen=True)
class TooLong:
    """The most tokens that the model takes, and the fault of a tokenizer that lets through more."""

    most: int
    fault: Fault


def too_long(setup: Setup) -> TooLong | None:
    """How the tokenizer lets through texts that the model refuses; None where it does not.

    The traced model is tried on the longest text that the tokenizer lets through, or on one token more than the config
    has positions, whichever is shorter: the config says where to look, the model whether it refuses.
    """
    if setup.texts is None:
        return None
    limit, positions = setup.max_length, _positions(setup)
    tried = min((n for n in (limit, positions and positions + 1) if n), default=0)
    if not 0 < tried <= LONGEST or (refusal := _refusal(setup, setup.texts, tried)) is None:
        return None
    most, refused = 0, tried
    while refused - most > 1:
        middle = (most + refused) // 2
        most, refused = (most, middle) if _refusal(setup, setup.texts, middle) else (middle, refused)
    if not most:  # it refuses rows of any length, for another reason
        return None
    lets = f"lets through texts of {limit} tokens" if limit else "has no limit (model_max_length), so it cuts no text"
    read = f"the tokenizer {lets}, and the model refuses {tried}: {refusal}"
    fault = Fault("too-long", read, f"at most {most} tokens", f"tokenizer.model_max_length = {most}")
    return TooLong(most, fault)


def beyond_trained_positions(setup: Setup) -> str | None:
    """The note on a tokenizer that lets through more tokens than the config has positions; None where it does not."""
    limit, positions = setup.max_length, _positions(setup)
    if not limit or not positions or limit <= positions:
        return None
    return (
        f"the tokenizer lets through texts of {limit} tokens, but the config says {positions} positions "
        "(max_position_embeddings): the model was not trained on longer texts"
    )


def _positions(setup: Setup) -> int | None:
    """The config's number of positions; None without one. Every config of the library has it under this name, where it
    has it at all (`attribute_map`)."""
    positions = getattr(lay.holder(setup.config_or_module), "max_position_embeddings", None)
    return positions if isinstance(positions, int) and positions > 0 else None


def _refusal(setup: Setup, given: GivenTexts, length: int) -> str | None:
    """What the model raises for a text of `length` tokens; None where it takes it. The text begins and ends like the
    first one that was given, and repeats what stands between."""
    first, *inner = encoded(given.tokenizer, given.texts[:1]).inputs["input_ids"][0]
    last = inner.pop() if len(inner) > 1 else first
    repeated = inner or [first]
    row = [first, *(repeated[i % len(repeated)] for i in range(length - 2)), last][:length]
    inputs: dict[str, Any] = {setup.trace.analysis.ids: [row]}
    try:
        setup.trace.at(**inputs)
    except LayoutError as error:
        return first_line(error)
    return None
