"""Texts: the tokens of a layout as a person writes them, and which of them stand where a hidden state is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from archtrace.answer.positions import Rows, runs

#: Of a longer run of tokens only the first and the last two are written.
LONGEST = 6


@dataclass(frozen=True)
class SpecialTokens:
    """The special tokens that a tokenizer sets before and after a text, `[CLS]` and `[SEP]`, and the one it pads with.

    `padding` is empty where it has none.
    """

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    padding: str = ""


@dataclass(frozen=True)
class Texts:
    """For each row its tokens, `[CLS]`, `fine`, `[PAD]`, and the sorted positions of those that are read.

    A token is read where the position of a hidden state that the classifier reads is its own.
    """

    tokens: tuple[tuple[str, ...], ...]
    read: Rows

    @property
    def lines(self) -> tuple[str, ...]:
        """For each row what is read of what: film (2) of "a fine film [PAD] × 3"."""
        return tuple(f'{read} of "{_line(row)}"' for read, row in zip(self.words, self.tokens, strict=True))

    @property
    def words(self) -> tuple[str, ...]:
        """For each row the tokens that are read: "[CLS] (0)", "a fine film (1 to 3)", "all 6 tokens"."""
        return tuple(_words(tokens, read) for tokens, read in zip(self.tokens, self.read, strict=True))


def _words(tokens: Sequence[str], read: Sequence[int]) -> str:
    if not read:
        return "no token of its own"
    if len(read) == len(tokens) > 1:
        return f"all {len(tokens)} tokens"
    return ", ".join(_run(tokens, first, last) for first, last in runs(read))


def _line(tokens: Sequence[str]) -> str:
    """The tokens of a row; what stands several times in a row, as padding does, stands once with its number."""
    alike = ((token, len(list(run))) for token, run in groupby(tokens))
    # Two that are alike may be letters of one word.
    return " ".join(f"{token} × {count}" if count > 2 else " ".join([token] * count) for token, count in alike)


def _run(tokens: Sequence[str], first: int, last: int) -> str:
    """Neighbouring tokens with their positions: "[CLS] (0)", "a fine film (1 to 3)"."""
    names = tokens[first : last + 1]
    shown = names if len(names) <= LONGEST else [*names[:2], "…", *names[-2:]]
    return f"{' '.join(shown)} ({first if first == last else f'{first} to {last}'})"
