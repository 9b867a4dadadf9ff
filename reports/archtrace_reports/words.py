"""Words: an answer in plain English; what each kind is called stands in the table of kinds."""

from __future__ import annotations

from collections.abc import Sequence

from archtrace.answer.kinds import KINDS
from archtrace.answer.result import Readout, Result


def meaning(readout: Readout) -> str:
    """What the slice is, in words."""
    return KINDS[readout.kind].meaning


def headline(result: Result) -> str:
    """The answer in one sentence."""
    if not result.readouts:
        return f"{result.class_name} reads no hidden state: {_without(result)}."
    nouns = enumerate_words([_noun(readout) for readout in result.readouts])
    if any(readout.status == "bound" for readout in result.readouts):
        return f"{result.class_name} reads at most {nouns}."
    return f"{result.class_name} reads {nouns}{_rest(result.readouts)}."


def _noun(readout: Readout) -> str:
    return KINDS[readout.kind].headline.format(slice=readout.slice, tensor=readout.tensor)


def _rest(readouts: Sequence[Readout]) -> str:
    if len(readouts) > 1:
        return ", and nothing else"
    return ", and nothing else of it" if KINDS[readouts[0].kind].partial else ""


def _without(result: Result) -> str:
    tokens = any(row for layout in result.layouts for row in layout.bound.tokens)
    return "tokens reach the logits through no tensor that is sliced" if tokens else "no token reaches the logits"


def enumerate_words(words: Sequence[str]) -> str:
    """a, b and c."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def count(number: int, noun: str) -> str:
    """1 layout, 2 layouts."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
