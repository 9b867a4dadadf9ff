"""Words: what each kind of readout means, in plain English. A row a kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from archtrace.answer.result import KindName, Readout, Result


class Words(NamedTuple):
    """What is read, as the object of a sentence; what that means; whether the rest of the tensor is left unread."""

    noun: str
    meaning: str
    partial: bool


#: {slice} and {tensor} are the readout's own.
KINDS: Mapping[KindName, Words] = {
    "first": Words("{slice}", "one position of s: index 0 in every layout tried", True),
    "last": Words("{slice}", "one position of s: the last in every layout tried, padding or not", True),
    "fixed": Words("{slice}", "the same index in every layout tried, whatever stands there", True),
    "last_non_pad": Words(
        "the last position of {tensor} that is not padding",
        "one position of s: the last that is not padding in every layout tried",
        True,
    ),
    "last_eos": Words(
        "{tensor} at the last eos token", "one position of s: the last eos token in every layout tried", True
    ),
    "mean": Words(
        "the mean of {tensor} over all positions", "every position of s, padding included: their mean", False
    ),
    "masked_mean": Words(
        "the mean of {tensor} over the positions that are not padding",
        "every position of s that is not padding: their mean",
        True,
    ),
    "max": Words("the maximum of {tensor} over its positions", "positions of s: the largest of each feature", False),
    "attention": Words(
        "{tensor}, pooled by attention", "positions of s, weighted by an attention that the model computes", False
    ),
    "latents": Words("the latents in {tensor}", "positions of the model's own latents, not of tokens", False),
    "all": Words("all of {tensor}", "positions of s, joined in no way that has a name (see the layouts)", False),
    "none": Words("nothing of {tensor}", "no position of s reaches the logits in any layout tried", False),
    "other": Words("{slice}", "positions of s, picked by no rule that has a name (see the layouts)", True),
}


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
    return KINDS[readout.kind].noun.format(slice=readout.slice, tensor=readout.tensor)


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
