"""Rows of ids in place of texts: a batch as a training loop gives it to a model.

Two rows of a batch are enough: the one with the most padding and the one with the least.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch

import archtrace.capture.inputs.layouts as lay
from archtrace.answer.diagnosis import Opinion
from archtrace.capture.inputs.input_names import TRAINING_ONLY
from archtrace.errors import TargetError, message
from archtrace.targets.tokenized import Encoded, TextTokenizer, token_name

#: The inputs of a batch, as nested lists by name: most of them rows with a number for each token.
RowsByName: TypeAlias = Mapping[str, list[list[int]]]


@dataclass(frozen=True)
class GivenRows:
    """Rows of ids, as nested lists by the name of the input; `ids` names the one that holds tokens. `spans`: where the
    text of each row begins and ends."""

    inputs: RowsByName
    ids: str
    spans: tuple[tuple[int, int], ...]
    tokenizer: TextTokenizer | None = None

    @property
    def pad_id(self) -> int | None:
        """The id that stands at padding in these rows, else the tokenizer's pad id."""
        padding = (i for row, span in zip(self._rows, self.spans, strict=True) for i in _outside(row, *span))
        return next(padding, getattr(self.tokenizer, "pad_token_id", None))

    @property
    def can_pad(self) -> bool:
        """True: whoever made the batch padded it."""
        return True

    @property
    def verdict_without_batch(self) -> tuple[Opinion, str] | None:
        """Without padding there is nothing to compare each row with."""
        has_padding = any(_outside(row, *span) for row, span in zip(self._rows, self.spans, strict=True))
        why = "each text alone is read as such a model is made to read it, and no row of the batch is padded"
        return None if has_padding else ("unknown", why)

    def single_batches(self) -> list[Encoded]:
        """The text of each row, without its padding."""
        return [self._batch_of({n: range(*span)}) for n, span in enumerate(self.spans)]

    def as_batch(self) -> Encoded:
        """The batch as it was given."""
        return self._batch_of({n: range(len(row)) for n, row in enumerate(self._rows)})

    def padded_on_other_side(self) -> tuple[str, Encoded]:
        """The batch with the padding of each row on its other side."""
        side = "right" if self.as_batch().side == "left" else "left"
        tokenizer_side = getattr(self.tokenizer, "padding_side", None)
        line = f"tokenizer.padding_side = {side!r}"
        change = f"pad on the {side} where the batch is made: the tokenizer does" if tokenizer_side == side else line
        return change, self._batch_of({n: self._rearranged(n, side) for n in range(len(self.spans))})

    @property
    def _rows(self) -> list[list[int]]:
        return self.inputs[self.ids]

    def _rearranged(self, row: int, side: str) -> list[int]:
        """The positions of a row in the order that puts its padding on this side."""
        text, padding = [*range(*self.spans[row])], _outside([*range(len(self._rows[row]))], *self.spans[row])
        return text + padding if side == "right" else padding + text

    def _batch_of(self, positions: Mapping[int, Sequence[int]]) -> Encoded:
        """The batch of these positions, by row."""
        inputs = picked_positions(self.inputs, self.ids, positions)
        is_text = [[p in range(*self.spans[row]) for p in picked] for row, picked in positions.items()]
        tokens = tuple(tuple(token_name(self.tokenizer, i) for i in row) for row in inputs[self.ids])
        return Encoded(inputs, tokens, tuple(map(_span, is_text)), self.ids)


def _outside(row: list[int], start: int, stop: int) -> list[int]:
    return row[:start] + row[stop:]


def given_rows(
    batch: Mapping[str, object], tokenizer: TextTokenizer | None = None, pad: int | None = None
) -> GivenRows:
    """The row of a batch with the least text and the one with the most, without the labels.

    `batch`: tensors or nested lists by name, ids of shape (rows, length). The mask says what is padding, or without one
    `pad`, the pad id. Raises TargetError where no input holds rows of ids, or a row holds nothing but padding.
    """
    tensors = {
        n: torch.as_tensor(v).cpu() for n, v in batch.items() if v is not None and not TRAINING_ONLY.fullmatch(n)
    }
    text = next((t for t in lay.texts_in(tensors) if tensors[t.ids].ndim == 2), None)
    if text is None:
        raise _no_rows("none of its inputs holds rows of ids", tensors)
    attended = lay.attended(tensors, lay.Vocabulary(pad, None, ()), text.ids)
    is_text = torch.ones_like(tensors[text.ids], dtype=torch.bool) if attended is None else attended
    lengths = is_text.sum(1)
    if not bool(lengths.all()):
        raise _no_rows("a row holds nothing but padding", tensors)
    chosen = sorted({int(lengths.argmin()), int(lengths.argmax())})
    inputs: dict[str, list[list[int]]] = {
        n: (v[chosen] if v.ndim and len(v) == len(lengths) else v).tolist() for n, v in tensors.items()
    }
    return GivenRows(inputs, text.ids, tuple(_span(is_text[n].tolist()) for n in chosen), tokenizer)


def _span(flags: list[bool]) -> tuple[int, int]:
    """Where the first flag that is set begins, and where the last one ends."""
    return flags.index(True), len(flags) - flags[::-1].index(True)


def _no_rows(why: str, inputs: Mapping[str, torch.Tensor]) -> TargetError:
    shapes = ", ".join(f"{name} {tuple(value.shape)}" for name, value in inputs.items())
    do = "give rows of ids, (rows, length), with their mask: what a tokenizer returns"
    return TargetError(message("this batch cannot be examined", where=shapes or "an empty batch", why=why, do=do))


def picked_positions(
    inputs: RowsByName, ids: str, positions: Mapping[int, Sequence[int]]
) -> dict[str, list[list[int]]]:
    """The batch of these positions, by row. An input with a value for each token keeps those of the picked tokens.

    `inputs`: nested lists by name, of which `ids` names the one that holds tokens, (rows, length).
    """
    rows, length = len(inputs[ids]), len(inputs[ids][0])

    def pick(value: list[list[int]]) -> list[list[int]]:
        if not isinstance(value, list) or len(value) != rows:
            return value
        by_token = all(isinstance(row, list) and len(row) == length for row in value)
        return [[value[n][p] for p in picked] if by_token else value[n] for n, picked in positions.items()]

    return {name: pick(value) for name, value in inputs.items()}
