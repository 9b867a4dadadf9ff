"""Kinds: what a readout may be, a row a kind. Analysis, words, contracts, schema and docs read this table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from archtrace.answer.positions import Rows
from archtrace.answer.result import KindName, Readout

#: For each row a flag a position.
Flags: TypeAlias = Sequence[Sequence[bool]]


@dataclass(frozen=True)
class Setting:
    """What decides which positions a rule picks in one layout: how many rows, how many positions, where what stands.

    `kept`: which positions are no padding, in each way to tell; `ends`: where eos stands, in each input of ids.
    """

    rows: int
    length: int
    kept: tuple[Flags, ...]
    ends: tuple[Flags, ...]


#: The positions that a kind predicts, once for each way to tell padding or eos.
Predict: TypeAlias = Callable[[Setting], Sequence[Rows]]


@dataclass(frozen=True)
class Kind:
    """One kind.

    `noun`: within a sentence, as after "is now"; `headline`: as the object of the answer; `meaning`: what it says of
    s, the positions; `slice`: the template of its expression, None where the graph's own subscript is it. In all of
    them {slice} and {tensor} are the readout's own; in `slice` {lead} and {axis} are of the axis of positions, {where}
    and {some} the mask as an argument and as a subscript. `partial`: the rest of the tensor is left unread. `mixes`:
    takes many positions and weighs none of them by where it stands. `predict`: for kinds of one position a row alone.
    `unpadded`: the kind that picks the same of a text without padding, where `provided` holds; empty for itself.
    """

    noun: str
    headline: str
    meaning: str
    partial: bool
    slice: str | None = None
    mixes: bool = False
    predict: Predict | None = None
    unpadded: KindName = ""
    provided: str = ""


def _each(position: int, setting: Setting) -> list[Rows]:
    return [((position,),) * setting.rows]


def _where(flags: Flags, part: slice) -> Rows:
    return tuple(tuple([p for p, flag in enumerate(row) if flag][part]) for row in flags)


def _found(ways: Sequence[Flags], part: slice) -> list[Rows]:
    return [_where(flags, part) for flags in ways]


_FIRST, _LAST, _EVERY = slice(0, 1), slice(-1, None), slice(None)


def kept(setting: Setting) -> list[Rows]:
    """Every position that is no padding, in each way to tell."""
    return _found(setting.kept, _EVERY)


#: In the order in which they are tried: where two explain all that was seen, the simpler one names it.
KINDS: dict[KindName, Kind] = {
    "first": Kind(
        "index 0 of {tensor}", "{slice}", "one position of s: index 0 in every layout tried", True,
        "{tensor}[{lead}0]", predict=lambda s: _each(0, s),
    ),
    "last": Kind(
        "the last index of {tensor}", "{slice}", "one position of s: the last in every layout tried, padding or not",
        True, "{tensor}[{lead}-1]", predict=lambda s: _each(s.length - 1, s), unpadded="last_non_pad",
    ),
    "last_non_pad": Kind(
        "the last position of {tensor} that is not padding", "the last position of {tensor} that is not padding",
        "one position of s: the last that is not padding in every layout tried", True,
        predict=lambda s: _found(s.kept, _LAST),
    ),
    "last_eos": Kind(
        "the last eos token of {tensor}", "{tensor} at the last eos token",
        "one position of s: the last eos token in every layout tried", True, predict=lambda s: _found(s.ends, _LAST),
        unpadded="last_non_pad", provided="where eos ends the text",
    ),
    "first_eos": Kind(
        "the first eos token of {tensor}", "{tensor} at the first eos token",
        "one position of s: the first eos token in every layout tried", True, predict=lambda s: _found(s.ends, _FIRST),
        unpadded="last_non_pad", provided="where the only eos ends the text",
    ),
    "fixed": Kind("{slice}", "{slice}", "the same index in every layout tried, whatever stands there", True),
    "mean": Kind(
        "the mean of {tensor} over all positions", "the mean of {tensor} over all positions",
        "every position of s, padding included: their mean", False, "{tensor}.mean({axis})", unpadded="masked_mean",
    ),
    "masked_mean": Kind(
        "the masked mean of {tensor}", "the mean of {tensor} over the positions that are not padding",
        "every position of s that is not padding: their mean", True, "{tensor}.mean({axis}{where})",
    ),
    "max": Kind(
        "the maximum of {tensor}", "the maximum of {tensor} over its positions",
        "positions of s: the largest of each feature", False, "{tensor}.amax({axis}{where})", mixes=True,
    ),
    "attention": Kind(
        "an attention over {tensor}", "{tensor}, pooled by attention",
        "positions of s, weighted by an attention that the model computes", False, "attention over {tensor}{some}",
        mixes=True,
    ),
    "latents": Kind(
        "the latents in {tensor}", "the latents in {tensor}", "positions of the model's own latents, not of tokens",
        False, "{tensor}[:]", mixes=True,
    ),
    "each": Kind(
        "{tensor}, each position for itself", "{slice} for position i of its output",
        "for position i of the output: position i of s, and no other", False, "{tensor}[{lead}i]",
    ),
    "all": Kind(
        "all of {tensor}", "all of {tensor}", "positions of s, joined in no way that has a name (see the layouts)",
        False, "{tensor}{every}", mixes=True,
    ),
    "none": Kind(
        "nothing of {tensor}", "nothing of {tensor}", "no position of s reaches the logits in any layout tried", False,
        "nothing", mixes=True,
    ),
    "other": Kind("{slice}", "{slice}", "positions of s, picked by no rule that has a name (see the layouts)", True),
}  # fmt: skip


def single() -> Mapping[KindName, Predict]:
    """The kinds of one position a row, with what they predict, in the order in which they are tried."""
    return {name: kind.predict for name, kind in KINDS.items() if kind.predict is not None}


def noun(readout: Readout) -> str:
    """What a readout is called."""
    return KINDS[readout.kind].noun.format(slice=readout.slice, tensor=readout.tensor)
