"""Length: how long a text the tokenizer lets through, and how long a one the model takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import archtrace.capture.inputs.layouts as lay
from archtrace.answer.diagnosis import Fault
from archtrace.errors import LayoutError
from archtrace.setup.given_texts import GivenTexts
from archtrace.setup.pad_id import first_line
from archtrace.setup.parts import Setup
from archtrace.targets.tokenized import encoded

#: The longest text that is tried, in tokens: a trial costs a capture, whose masks grow with the square of it.
LONGEST = 2050


@dataclass(frozen=True)
class Length:
    """The most tokens that the model takes, and the fault of a tokenizer that lets through more."""

    most: int
    fault: Fault


def refused(setup: Setup) -> Length | None:
    """Where the tokenizer lets through texts that the model refuses; None where it does not.

    Tried is the longest text that the tokenizer leaves, or one token more than the config says there are positions:
    the config only says where to look, and the model whether it refuses.
    """
    if setup.written is None:
        return None
    limit, positions = setup.limit, _positions(setup)
    tried = min((n for n in (limit, positions and positions + 1) if n), default=0)
    if not 0 < tried <= LONGEST or (first := _refusal(setup, setup.written, tried)) is None:
        return None
    most, over = 0, tried
    while over - most > 1:
        middle = (most + over) // 2
        most, over = (most, middle) if _refusal(setup, setup.written, middle) else (middle, over)
    if not most:  # it refuses rows of any length, for another reason
        return None
    lets = f"lets through texts of {limit} tokens" if limit else "has no limit (model_max_length), so it cuts no text"
    read = f"the tokenizer {lets}, and the model refuses {tried}: {first}"
    fault = Fault("too-long", read, f"at most {most} tokens", f"tokenizer.model_max_length = {most}")
    return Length(most, fault)


def extrapolated(setup: Setup) -> str | None:
    """What is to be said where the tokenizer's limit is beyond the positions that the model was made for."""
    limit, positions = setup.limit, _positions(setup)
    if not limit or not positions or limit <= positions:
        return None
    return (
        f"the tokenizer lets through texts of {limit} tokens, but the config says {positions} positions "
        "(max_position_embeddings): the model was not trained on longer texts"
    )


def _positions(setup: Setup) -> int | None:
    """What the config says; the library calls it so for every model (`attribute_map`), or says nothing."""
    found = getattr(lay.holder(setup.source), "max_position_embeddings", None)
    return found if isinstance(found, int) and found > 0 else None


def _refusal(setup: Setup, written: GivenTexts, length: int) -> str | None:
    """What the model says to a text of so many tokens, of which the first and the last are those of a real one."""
    first, *inner = encoded(written.tokenizer, written.texts[:1]).inputs["input_ids"][0]
    last = inner.pop() if len(inner) > 1 else first
    fill = inner or [first]
    row = [first, *(fill[i % len(fill)] for i in range(length - 2)), last][:length]
    inputs: dict[str, Any] = {setup.trace.analysis.ids: [row]}
    try:
        setup.trace.at(**inputs)
    except LayoutError as error:
        return first_line(error)
    return None
