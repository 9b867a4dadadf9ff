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

    `noun`: within a sentence, as after "is now"; `object`: what the classifier reads, as the object of the answer;
    `done`: what the code that picks it does with it, empty where that goes without saying; `meaning`: which positions
    these are. In all of them {slice} and {tensor} are the readout's own; {place} is "token" or "position", {named} what
    stands there, {of} the tensor where it is not the last hidden state, {by} the inputs that the index looks at.
    `slice`: the template of its expression, None where the graph's own subscript is it; there {lead} and {axis} are of
    the axis of positions, {where} and {some} the mask as an argument and as a subscript. `partial`: the rest of the
    tensor is left unread. `mixes`: takes many positions and weighs none of them by where it stands. `predict`: for
    kinds of one position a row alone.
    """

    noun: str
    object: str
    done: str
    meaning: str
    partial: bool
    slice: str | None = None
    mixes: bool = False
    predict: Predict | None = None


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
        "index 0 of {tensor}", "the first {place}{named}{of}", "takes index 0",
        "index 0 of every text, whatever stands there", True, "{tensor}[{lead}0]", predict=lambda s: _each(0, s),
    ),
    "last": Kind(
        "the last index of {tensor}", "the last {place}{named}{of}, padding or not", "takes the last index",
        "the last index of every row, whatever stands there", True, "{tensor}[{lead}-1]",
        predict=lambda s: _each(s.length - 1, s),
    ),
    "last_non_pad": Kind(
        "the last position of {tensor} that is not padding", "the last {place}{named}{of} that is not padding",
        "finds it by {by}", "the last position of every text that is not padding", True,
        predict=lambda s: _found(s.kept, _LAST),
    ),
    "last_eos": Kind(
        "the last eos token of {tensor}", "the last eos token{named}{of}", "finds it by {by}",
        "the last position of every text where eos stands", True, predict=lambda s: _found(s.ends, _LAST),
    ),
    "first_eos": Kind(
        "the first eos token of {tensor}", "the first eos token{named}{of}", "finds it by {by}",
        "the first position of every text where eos stands", True, predict=lambda s: _found(s.ends, _FIRST),
    ),
    "fixed": Kind("{slice}", "{slice}", "takes a fixed index", "one index of every row, whatever stands there", True),
    "mean": Kind(
        "the mean of {tensor} over all positions", "the mean of all {place}s{of}, padding included", "averages them",
        "every position with the same weight, padding included", False, "{tensor}.mean({axis})",
    ),
    "masked_mean": Kind(
        "the masked mean of {tensor}", "the mean of all {place}s{of} that are not padding",
        "averages them, without the padding", "every position that is not padding, with the same weight", True,
        "{tensor}.mean({axis}{where})",
    ),
    "max": Kind(
        "the maximum of {tensor}", "the maximum over the {place}s{of}", "takes the largest of each feature",
        "of each feature the largest over the positions", False, "{tensor}.amax({axis}{where})", mixes=True,
    ),
    "attention": Kind(
        "an attention over {tensor}", "all {place}s{of}, weighted by attention", "weighs them by attention",
        "positions with weights that the model computes", False, "attention over {tensor}{some}", mixes=True,
    ),
    "latents": Kind(
        "the latents in {tensor}", "all positions of {tensor}, which stand for no token", "",
        "vectors of the model's own, which stand for no token", False, "{tensor}[:]",
        mixes=True,
    ),
    "each": Kind(
        "{tensor}, each position for itself", "for each position of {output} only the {place}{of} at the same position",
        "",
        "for position i of the output position i, and no other", False, "{tensor}[{lead}i]",
    ),
    "all": Kind(
        "all of {tensor}", "all {place}s{of}", "", "all of these positions, joined in no way that has a name", False,
        "{tensor}{every}", mixes=True,
    ),
    "none": Kind(
        "nothing of {tensor}", "nothing of {tensor}", "", "no position of it reaches the logits", False, "nothing",
        mixes=True,
    ),
    "other": Kind("{slice}", "{slice}", "", "positions that no rule with a name picks", True),
}  # fmt: skip


def single() -> Mapping[KindName, Predict]:
    """The kinds of one position a row, with what they predict, in the order in which they are tried."""
    return {name: kind.predict for name, kind in KINDS.items() if kind.predict is not None}


def noun(readout: Readout) -> str:
    """What a readout is called."""
    return KINDS[readout.kind].noun.format(slice=readout.slice, tensor=readout.tensor)
