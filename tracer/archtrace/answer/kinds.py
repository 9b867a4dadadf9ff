"""Kinds: what a readout may be, a row a kind. Analysis, words, contracts, schema and docs read this table.

A new kind is a row here; `python docs/make_kinds.py` then writes its name into the schema and the docs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from archtrace.answer.positions import Rows
from archtrace.answer.result import KindName, Readout
from archtrace.ops import MAX_POOLS, MEANS

#: For each row a flag a position.
Flags: TypeAlias = Sequence[Sequence[bool]]


@dataclass(frozen=True)
class Setting:
    """What decides which positions a kind picks in one layout: how many there are, and which of them is what.

    `unpadded`: which positions are no padding, by each way in which a model may find out; `ends`: which are eos, by
    each input of ids.
    """

    rows: int
    length: int
    unpadded: tuple[Flags, ...]
    ends: tuple[Flags, ...]


#: The positions that a kind predicts, once for each way to find padding or eos.
Predict: TypeAlias = Callable[[Setting], Sequence[Rows]]


@dataclass(frozen=True)
class Kind:
    """One kind.

    `noun`: within a sentence, as after "is now"; `object`: what the classifier reads, as the object of the answer;
    `done`: what the code that picks it does with it, empty where that goes without saying; `meaning`: which positions
    these are. In all of them {slice} and {tensor} are the readout's own; {state} is "the final hidden state", {states}
    its plural and {of} the same with "of" behind it, or the tensor's name; {place} is "token" or "position", {named}
    what stands there, {by} the inputs that the index looks at.
    `slice`: the template of its expression, None where the graph's own subscript is it; there {lead} and {axis} are of
    the axis of positions, {where} and {some} the mask as an argument and as a subscript. `partial`: the rest of the
    tensor is left unread. `mixes`: takes many positions and weighs none of them by where it stands. `predict`: for
    kinds of one position a row alone. `unpadded`: the kind that picks the same of a text without padding, where
    `provided` holds; empty for itself. `edge`: the index of its position among all, where it stands at an end of them.
    `constant`: its index looks at no input, whatever stands there. `joined_by`: the ops that make one vector of many
    positions in this way, by their schema names.
    """

    noun: str
    object: str
    meaning: str
    done: str = ""
    partial: bool = False
    slice: str | None = None
    mixes: bool = False
    predict: Predict | None = None
    unpadded: KindName = ""
    provided: str = ""
    edge: int | None = None
    constant: bool = False
    joined_by: Collection[str] = ()

    @property
    def has_name(self) -> bool:
        """Whether its noun is more than its slice."""
        return self.noun != "{slice}"


def _at(position: int, setting: Setting) -> list[Rows]:
    return [((position,),) * setting.rows]


def _where(flags: Flags, part: slice) -> Rows:
    return tuple(tuple([p for p, flag in enumerate(row) if flag][part]) for row in flags)


def _picked(ways: Sequence[Flags], part: slice) -> list[Rows]:
    return [_where(flags, part) for flags in ways]


_FIRST, _LAST, _EVERY = slice(0, 1), slice(-1, None), slice(None)


def unpadded_positions(setting: Setting) -> list[Rows]:
    """Every position that is no padding, by each way in which a model may find out."""
    return _picked(setting.unpadded, _EVERY)


#: In the order in which they are tried: where two explain all layouts, the simpler one is the answer.
KINDS: dict[KindName, Kind] = {
    "first": Kind(
        noun="index 0 of {tensor}",
        object="{of} the first {place}{named}",
        done="takes index 0",
        meaning="index 0 of every text, whatever stands there",
        slice="{tensor}[{lead}0]",
        partial=True,
        predict=lambda s: _at(0, s),
        edge=0,
        constant=True,
    ),
    "last": Kind(
        noun="the last index of {tensor}",
        object="{of} the last {place}{named}, even where that is padding",
        done="takes the last index",
        meaning="the last index of every row, whatever stands there",
        slice="{tensor}[{lead}-1]",
        partial=True,
        predict=lambda s: _at(s.length - 1, s),
        edge=-1,
        constant=True,
        unpadded="last_non_pad",
    ),
    "last_non_pad": Kind(
        noun="the last position of {tensor} that is not padding",
        object="{of} the last {place} that is not padding",
        done="finds the position from {by}",
        meaning="the last position of every text that is not padding",
        partial=True,
        predict=lambda s: _picked(s.unpadded, _LAST),
    ),
    "last_eos": Kind(
        noun="the last eos token of {tensor}",
        object="{state} at the last eos token",
        done="finds the position from {by}",
        meaning="the last position of every text where eos stands",
        partial=True,
        predict=lambda s: _picked(s.ends, _LAST),
        unpadded="last_non_pad",
        provided="where eos ends the text",
    ),
    "first_eos": Kind(
        noun="the first eos token of {tensor}",
        object="{state} at the first eos token",
        done="finds the position from {by}",
        meaning="the first position of every text where eos stands",
        partial=True,
        predict=lambda s: _picked(s.ends, _FIRST),
        unpadded="last_non_pad",
        provided="where the only eos ends the text",
    ),
    "fixed": Kind(
        noun="{slice}",
        object="{slice}",
        done="takes a fixed index",
        meaning="one index of every row, whatever stands there",
        partial=True,
        constant=True,
    ),
    "mean": Kind(
        noun="the mean of {tensor} over all positions",
        object="the mean of {states} over all {place}s, padding included",
        done="averages them",
        meaning="every position with the same weight, padding included",
        slice="{tensor}.mean({axis})",
        unpadded="masked_mean",
        joined_by=MEANS,
    ),
    "masked_mean": Kind(
        noun="the masked mean of {tensor}",
        object="the mean of {states} over all {place}s that are not padding",
        done="averages them, leaving out the padding",
        meaning="every position that is not padding, with the same weight",
        slice="{tensor}.mean({axis}{where})",
        partial=True,
    ),
    "max": Kind(
        noun="the maximum of {tensor}",
        object="the maximum of {states} over the {place}s",
        done="takes the largest of each feature",
        meaning="of each feature the largest over the positions",
        slice="{tensor}.amax({axis}{where})",
        mixes=True,
        joined_by=MAX_POOLS,
    ),
    "attention": Kind(
        noun="an attention over {tensor}",
        object="{states} of all {place}s, weighted by attention",
        done="weighs them by attention",
        meaning="positions with weights that the model computes",
        slice="attention over {tensor}{some}",
        mixes=True,
    ),
    "latents": Kind(
        noun="the latents in {tensor}",
        object="{tensor}, whose positions stand for no token",
        meaning="vectors of the model's own, which stand for no token",
        slice="{tensor}[:]",
        mixes=True,
    ),
    "each": Kind(
        noun="{tensor}, each position for itself",
        object="for each position of {output} only {of} the {place} at the same position",
        meaning="for position i of the output position i, and no other",
        slice="{tensor}[{lead}i]",
    ),
    "all": Kind(
        noun="all of {tensor}",
        object="{states} of all {place}s",
        meaning="all of these positions, joined in no way that has a name",
        slice="{tensor}{every}",
        mixes=True,
    ),
    "none": Kind(
        noun="nothing of {tensor}",
        object="nothing of {tensor}",
        meaning="no position of it reaches the logits",
        slice="nothing",
        mixes=True,
    ),
    "other": Kind(
        noun="{slice}",
        object="{slice}",
        meaning="positions that no rule with a name picks",
        partial=True,
    ),
}


def kinds_of_one_position() -> Mapping[KindName, Predict]:
    """The kinds of one position a row, with what they predict, in the order in which they are tried."""
    return {name: kind.predict for name, kind in KINDS.items() if kind.predict is not None}


def without_padding(kind: KindName) -> KindName:
    """The kind that picks the same of a text without padding."""
    return KINDS[kind].unpadded or kind


def joined_by(op: str) -> KindName:
    """The kind whose op makes one vector of many positions; "all" where no kind names the op."""
    return next((name for name, kind in KINDS.items() if op in kind.joined_by), "all")


def noun(readout: Readout) -> str:
    """What a readout is called."""
    return KINDS[readout.kind].noun.format(slice=readout.slice, tensor=readout.tensor)


def noun_of_kind(kind: KindName) -> str:
    """What a kind is called, apart from any readout."""
    return KINDS[kind].noun.format(slice="an index without a name", tensor="the hidden states")
