"""What the user gives to be examined, texts with a tokenizer or rows of ids, and the batches made of it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from archtrace.answer.diagnosis import Opinion
from archtrace.targets.tokenized import Encoded, TextTokenizer, encoded


class GivenInput(Protocol):
    """Texts or rows of ids to be examined. `tokenizer`: None where only rows of ids were given."""

    @property
    def tokenizer(self) -> TextTokenizer | None:
        """The tokenizer of the texts."""

    @property
    def pad_id(self) -> int | None:
        """The id that stands at padding."""

    @property
    def can_pad(self) -> bool:
        """Whether texts of different length make a batch."""

    @property
    def verdict_without_batch(self) -> tuple[Opinion, str] | None:
        """Opinion and reason where there is no padded batch to compare the texts with; None where there is one."""

    def single_batches(self) -> list[Encoded]:
        """Each text as a batch of its own, without padding."""

    def as_batch(self) -> Encoded:
        """All texts in one batch."""

    def padded_on_other_side(self) -> tuple[str, Encoded]:
        """The same batch with its padding on the other side, and the line that puts it there."""


@dataclass(frozen=True)
class GivenTexts:
    """Texts, or with `pairs` pairs of texts, as a tokenizer makes batches of them.

    `sampled`: the texts are archtrace's samples, so that a conversation of the chat template counts as much as they do.
    """

    tokenizer: TextTokenizer
    texts: Sequence[str]
    pairs: Sequence[str] | None = None
    sampled: bool = False

    @property
    def pad_id(self) -> int | None:
        """The tokenizer's pad id."""
        return self.tokenizer.pad_token_id

    @property
    def can_pad(self) -> bool:
        """Whether the tokenizer has a pad token."""
        return self.tokenizer.pad_token is not None

    @property
    def verdict_without_batch(self) -> tuple[Opinion, str] | None:
        """One text makes no batch to compare it with."""
        return None if len(self.texts) > 1 else ("right", "a single text has no padding; give several to check a batch")

    def single_batches(self) -> list[Encoded]:
        """Each text as a batch of its own, with the other of its pair."""
        return [self.single_batch(number, self.tokenizer) for number in range(len(self.texts))]

    def single_batch(self, number: int, tokenizer: TextTokenizer) -> Encoded:
        """One text, with the other of its pair, as this tokenizer makes a batch of it."""
        pair = None if self.pairs is None else [self.pairs[number]]
        return encoded(tokenizer, [self.texts[number]], pair)

    def untruncated_ids(self, number: int) -> list[int]:
        """The ids of a text, however long it is."""
        pair = None if self.pairs is None else self.pairs[number]
        ids: list[int] = self.tokenizer(self.texts[number], pair, truncation=False, verbose=False)["input_ids"]
        return ids

    def as_batch(self) -> Encoded:
        """All of them, as the tokenizer pads them."""
        return encoded(self.tokenizer, self.texts, self.pairs)

    def padded_on_other_side(self) -> tuple[str, Encoded]:
        """All of them, padded by a copy of the tokenizer that pads on the other side."""
        other = copy.deepcopy(self.tokenizer)
        other.padding_side = "right" if self.tokenizer.padding_side == "left" else "left"
        change = f"tokenizer.padding_side = {other.padding_side!r}"
        return change, encoded(other, self.texts, self.pairs)


def shortest_and_longest(given: GivenTexts) -> GivenTexts:
    """The shortest and the longest of many texts, in their order: they differ most in how much they are padded."""
    if len(given.texts) < 3:
        return given
    lengths = [stop - start for start, stop in given.as_batch().spans]
    chosen = sorted({lengths.index(min(lengths)), lengths.index(max(lengths))})
    pairs = None if given.pairs is None else [given.pairs[n] for n in chosen]
    return replace(given, texts=[given.texts[n] for n in chosen], pairs=pairs)
