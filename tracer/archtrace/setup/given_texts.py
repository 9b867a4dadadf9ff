"""What is examined, and the batches that it makes: texts with their tokenizer, or rows of ids."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from archtrace.answer.diagnosis import Opinion
from archtrace.targets.tokenized import Encoded, TextTokenizer, encoded


class Given(Protocol):
    """What is examined. `tokenizer` may be None, where only rows of ids were given."""

    @property
    def tokenizer(self) -> TextTokenizer | None:
        """The tokenizer of the texts."""

    @property
    def pad(self) -> int | None:
        """The id that stands at padding."""

    @property
    def pads(self) -> bool:
        """Whether texts of different length make a batch."""

    @property
    def uncompared(self) -> tuple[Opinion, str] | None:
        """What to say where no batch can be compared with the texts alone, and why; None where one can."""

    def one_by_one(self) -> list[Encoded]:
        """Each text as a batch of its own, without padding."""

    def as_batch(self) -> Encoded:
        """All texts in one batch."""

    def padded_otherwise(self) -> tuple[str, Encoded]:
        """The same batch with its padding on the other side, and the line that puts it there."""


@dataclass(frozen=True)
class GivenTexts:
    """Texts, or with `pairs` pairs of texts, as a tokenizer makes batches of them.

    `sampled`: nobody gave a text, so that conversations of the tokenizer's chat template count as much as plain ones.
    """

    tokenizer: TextTokenizer
    texts: Sequence[str]
    pairs: Sequence[str] | None = None
    sampled: bool = False

    @property
    def pad(self) -> int | None:
        """The tokenizer's pad id."""
        return self.tokenizer.pad_token_id

    @property
    def pads(self) -> bool:
        """Whether the tokenizer has a pad token."""
        return self.tokenizer.pad_token is not None

    @property
    def uncompared(self) -> tuple[Opinion, str] | None:
        """One text makes no batch to compare it with, and none was asked about."""
        return None if len(self.texts) > 1 else ("right", "a single text has no padding; give several to check a batch")

    def one_by_one(self) -> list[Encoded]:
        """Each text alone, with the other of its pair."""
        return [self.one(number, self.tokenizer) for number in range(len(self.texts))]

    def one(self, number: int, tokenizer: TextTokenizer) -> Encoded:
        """One text, with the other of its pair, as this tokenizer makes a batch of it."""
        pair = None if self.pairs is None else [self.pairs[number]]
        return encoded(tokenizer, [self.texts[number]], pair)

    def uncut(self, number: int) -> list[int]:
        """The ids of a text before it is cut."""
        pair = None if self.pairs is None else self.pairs[number]
        ids: list[int] = self.tokenizer(self.texts[number], pair, truncation=False, verbose=False)["input_ids"]
        return ids

    def as_batch(self) -> Encoded:
        """All of them, as the tokenizer pads them."""
        return encoded(self.tokenizer, self.texts, self.pairs)

    def padded_otherwise(self) -> tuple[str, Encoded]:
        """All of them, padded by a copy of the tokenizer that pads on the other side."""
        other = copy.deepcopy(self.tokenizer)
        other.padding_side = "right" if self.tokenizer.padding_side == "left" else "left"
        change = f"tokenizer.padding_side = {other.padding_side!r}"
        return change, encoded(other, self.texts, self.pairs)


def extremes(given: GivenTexts) -> GivenTexts:
    """The shortest and the longest of many texts, in their order: what differs in a batch differs between these two."""
    if len(given.texts) < 3:
        return given
    lengths = [stop - start for start, stop in given.as_batch().spans]
    chosen = sorted({lengths.index(min(lengths)), lengths.index(max(lengths))})
    pairs = None if given.pairs is None else [given.pairs[n] for n in chosen]
    return replace(given, texts=[given.texts[n] for n in chosen], pairs=pairs)
