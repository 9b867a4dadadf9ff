"""What a readout is called, from the positions that it reads in a few layouts: each row a case, answered by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor

from archtrace.answer.positions import Rows
from archtrace.capture.inputs.layouts import Vocabulary
from archtrace.readout.kind import Case, constant, fits, kind_of, last_of, mask_of
from archtrace.readout.padding import Carried
from archtrace.readout.selection import lead_of, slice_text

WORDS = Vocabulary(pad=0, eos=2, ordinary=(3, 4, 5))
#: Two rows, padded on the right and on the left; the shorter text has three tokens, the longer one four.
RIGHT = torch.tensor([[1, 1, 1, 1, 0, 0], [1, 1, 1, 0, 0, 0]])
LEFT = RIGHT.flip(1)[:, 1:]
#: What is read of a row of so many positions, of which these are no padding.
Read = Callable[[int, list[int]], tuple[int, ...]]
NOTHING: Rows = ((), ())


def case(mask: Tensor, read: Read, constant: Rows = NOTHING, carries: Carried | None = None) -> Case:
    """What is read under a mask."""
    length = mask.shape[1]
    rows = tuple(read(length, row.nonzero().flatten().tolist()) for row in mask)
    inputs = {"input_ids": torch.where(mask == 1, 3, 0), "attention_mask": mask}
    return Case(rows, constant, length, inputs, WORDS, carries)


def cases(read: Read) -> list[Case]:
    """The same of both layouts, of six positions and of five."""
    return [case(RIGHT, read), case(LEFT, read)]


#: Name -> what is read, how positions are joined, and the kind.
KINDS: dict[str, tuple[Read, str, str]] = {
    "nothing": (lambda n, kept: (), "all", "none"),
    "the first": (lambda n, kept: (0,), "all", "first"),
    "the last": (lambda n, kept: (n - 1,), "all", "last"),
    "the last that is no padding": (lambda n, kept: (kept[-1],), "all", "last_non_pad"),
    "one index": (lambda n, kept: (2,), "all", "fixed"),
    "the first that is no padding": (lambda n, kept: (kept[0],), "all", "other"),
    "an index from the end": (lambda n, kept: (n - 2,), "all", "other"),
    "two indices": (lambda n, kept: (0, n - 1), "all", "other"),
    "a mean over all": (lambda n, kept: tuple(range(n)), "mean", "mean"),
    "a maximum over all": (lambda n, kept: tuple(range(n)), "max", "max"),
    "all, joined somehow": (lambda n, kept: tuple(range(n)), "all", "all"),
    "a mean over what is no padding": (lambda n, kept: tuple(kept), "mean", "masked_mean"),
    "a maximum over what is no padding": (lambda n, kept: tuple(kept), "max", "max"),
    "attention over what is no padding": (lambda n, kept: tuple(kept), "attention", "attention"),
    "all of what is no padding but the first": (lambda n, kept: tuple(kept[1:]), "mean", "other"),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_is_told_by_the_positions(name: str) -> None:
    read, joined, kind = KINDS[name]
    assert kind_of(cases(read), joined, tokens=True) == kind


def test_positions_of_an_axis_that_is_not_the_tokens_are_latents() -> None:
    assert kind_of(cases(lambda n, kept: tuple(range(n))), "mean", tokens=False) == "latents"


def test_one_position_is_named_before_a_set_is() -> None:
    """Of one token the last is also the mean, and the first as well."""
    one = torch.ones(2, 1, dtype=torch.long)
    assert kind_of([case(one, lambda n, kept: (0,))], "mean", tokens=True) == "first"


def test_no_kind_is_told_by_states_that_cannot_change() -> None:
    """Of a mean over states that are zero under padding only those beside the padding are seen to be read."""
    padding: Rows = ((4, 5), (3, 4, 5))
    seen = case(RIGHT, lambda n, kept: tuple(kept), constant=padding)
    assert kind_of([seen], "mean", tokens=True) == "mean"
    assert kind_of([case(RIGHT, lambda n, kept: tuple(kept))], "mean", tokens=True) == "masked_mean"


def test_a_mask_of_tokens_is_no_mask_of_positions_that_carry_others() -> None:
    """A learned vector in front: position i carries token i - 1, and the first carries none."""
    behind = tuple(tuple(frozenset({(row, p - 1)} if p else ()) for p in range(7)) for row in (0, 1))
    rows: Rows = ((0, 1, 2, 3, 4), (0, 1, 2, 3))
    inputs = {"input_ids": torch.where(RIGHT == 1, 3, 0), "attention_mask": RIGHT}
    told = Case(rows, NOTHING, 7, inputs, WORDS, behind)
    assert not told.in_place
    assert kind_of([told], "mean", tokens=True) == "other"
    last = Case(((4,), (3,)), NOTHING, 7, inputs, WORDS, behind)
    assert kind_of([last], "all", tokens=True) == "last_non_pad"


def test_one_way_to_tell_padding_explains_every_case() -> None:
    """Neither way may explain one case while the other explains the next."""
    first, second = case(RIGHT, lambda n, kept: (0,)), case(LEFT, lambda n, kept: (1,))
    ways: list[Rows] = [((0,), (0,)), ((1,), (1,))]
    assert fits([first], lambda case: ways)
    assert fits([second], lambda case: ways)
    assert not fits([first, second], lambda case: ways)
    assert not fits([first], lambda case: [])


#: What tells padding -> the mask that a slice names, and the last position that is no padding.
TOLD: dict[str, tuple[dict[str, Tensor], str, str]] = {
    "a mask": ({"attention_mask": RIGHT}, "attention_mask", "argmax(arange(s) * attention_mask)"),
    "the pad id": ({}, "input_ids != pad_token_id", "argmax(arange(s) * (input_ids != pad_token_id))"),
    "flags at padding": ({"padding_mask": RIGHT == 0}, "~padding_mask", "argmax(arange(s) * ~padding_mask)"),
    "ones at padding": ({"padding_mask": 1 - RIGHT}, "padding_mask == 0", "argmax(arange(s) * (padding_mask == 0))"),
}


@pytest.mark.parametrize("name", TOLD)
def test_a_mask_is_written_by_what_tells_it(name: str) -> None:
    beside, mask, last = TOLD[name]
    inputs = {"input_ids": torch.where(RIGHT == 1, 3, 0), **beside}
    kept = Case(((0, 1, 2, 3), (0, 1, 2)), NOTHING, 6, inputs, WORDS)
    assert mask_of([kept]) == mask
    assert last_of([kept]) is None
    assert last_of([Case(((3,), (2,)), NOTHING, 6, inputs, WORDS)]) == last


def test_lengths_tell_padding_where_nothing_else_does() -> None:
    inputs = {"input_ids": torch.full((2, 6), 3), "lengths": torch.tensor([4, 3])}
    told = Case(((0, 1, 2, 3), (0, 1, 2)), NOTHING, 6, inputs, Vocabulary(None, None, (3,)))
    assert mask_of([told]) == "arange(s) < lengths[:, None]"


def test_what_takes_no_notice_of_padding_has_no_mask() -> None:
    assert mask_of(cases(lambda n, kept: tuple(range(n)))) is None
    assert mask_of(cases(lambda n, kept: tuple(kept[1:]))) is None
    assert mask_of([]) is None


#: Positions in 19 and in 13, and the subscript.
SUBSCRIPTS: list[tuple[Sequence[int], Sequence[int], str]] = [
    ([0], [0], "0"),
    ([3], [3], "3"),
    ([18], [12], "-1"),
    ([17], [11], "-2"),
    (range(1, 19), range(1, 13), "1:"),
    (range(18), range(12), ":-1"),
    (range(19), range(13), ":"),
    (range(2, 5), range(2, 5), "2:5"),
    (range(12, 19), range(6, 13), "-7:"),
    ([0, 18], [0, 12], "[0, -1]"),
    ([0, 2], [0, 2], "[0, 2]"),
    ([16, 18], [10, 12], "[-3, -1]"),
    ([0, *range(12, 19)], [0, *range(6, 13)], "[0, *range(-7, 0)]"),
    ([*range(5), 6], [*range(5), 6], "[*range(0, 5), 6]"),
    ([*range(4), 5], [*range(4), 5], "[0, 1, 2, 3, 5]"),
]


@pytest.mark.parametrize(("many", "few", "text"), SUBSCRIPTS)
def test_positions_of_every_length_are_one_subscript(many: Sequence[int], few: Sequence[int], text: str) -> None:
    seen = [Case((tuple(p), tuple(p)), NOTHING, n, {}, WORDS) for p, n in ((many, 19), (few, 13))]
    assert constant(seen) == text
    for positions, length in ((many, 19), (few, 13)):
        taken = eval(f"torch.arange(length)[{text}]", {"torch": torch, "length": length})
        assert sorted({*taken.reshape(-1).tolist()}) == list(positions)


@pytest.mark.parametrize(
    "rows",
    [
        [((3,), (4,)), ((3,), (4,))],
        [((3,), (3,)), ((4,), (4,))],
        [NOTHING, NOTHING],
        [((0, 3), (0, 3)), ((0, 4), (0, 4))],
    ],
)
def test_positions_that_differ_by_row_or_by_layout_are_none(rows: list[Rows]) -> None:
    assert constant([Case(own, NOTHING, n, {}, WORDS) for own, n in zip(rows, (19, 13), strict=True)]) is None
    assert constant([]) is None


SLICES: list[tuple[str, str, str | None, int, str]] = [
    ("first", "", None, 1, "h[:, 0]"),
    ("first", "", None, 2, "h[:, :, 0]"),
    ("last", "", None, 0, "h[-1]"),
    ("mean", "", None, 1, "h.mean(1)"),
    ("masked_mean", "", "attention_mask", 1, "h.mean(1, where=attention_mask)"),
    ("max", "", "~padding_mask", 2, "h.amax(2, where=~padding_mask)"),
    ("attention", "", "attention_mask", 1, "attention over h[attention_mask != 0]"),
    ("attention", "", "input_ids != pad_token_id", 1, "attention over h[input_ids != pad_token_id]"),
    ("attention", "", None, 1, "attention over h"),
    ("all", "", None, 1, "h[:]"),
    ("all", "", "mask", 1, "h[mask != 0]"),
    ("each", "", None, 1, "h[:, i]"),
    ("fixed", "[:, 3]", None, 1, "h[:, 3]"),
    ("last_non_pad", "[:, sum(mask) - 1]", "mask", 1, "h[:, sum(mask) - 1]"),
    ("other", "", None, 1, "some of h"),
    ("none", "", None, 1, "nothing"),
]


@pytest.mark.parametrize(("kind", "picked", "mask", "axis", "text"), SLICES)
def test_a_slice_is_written_as_its_kind_has_it(kind: str, picked: str, mask: str | None, axis: int, text: str) -> None:
    assert slice_text("h", kind, picked, mask, axis) == text


def test_axes_before_the_positions_are_taken_whole() -> None:
    assert [lead_of(axis) for axis in range(3)] == ["", ":, ", ":, :, "]
