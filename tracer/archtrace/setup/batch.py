"""Batch: what is read of texts alone and together, as positions within each text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from archtrace.answer.positions import Rows
from archtrace.answer.texts import Texts
from archtrace.targets.texts import Encoded, encoded
from archtrace.tracing import Trace


@dataclass(frozen=True)
class Looked:
    """A batch as it was read: the tokens that stand where a hidden state is read, and those that reach the logits."""

    batch: Encoded
    texts: Texts
    reached: Rows

    def ids(self, row: int) -> list[int]:
        """The ids of a row."""
        found: list[int] = self.batch.inputs["input_ids"][row]
        return found

    def within(self, row: int) -> tuple[int, ...]:
        """The read positions of a row, counted from where its text begins: padding lies outside of it."""
        return tuple(p - self.batch.spans[row][0] for p in self.texts.read[row])

    def padding_reached(self, row: int) -> tuple[int, ...]:
        """The positions of padding in a row that reach the logits."""
        start, stop = self.batch.spans[row]
        return tuple(p for p in self.reached[row] if not start <= p < stop)


def look(
    trace: Trace, tokenizer: Any, texts: Sequence[str], pairs: Sequence[str] | None = None, special: bool = True
) -> Looked:
    """What a traced model reads of a batch, with or without the special tokens that the tokenizer sets around a text.
    LayoutError where the model refuses it, TargetError where the tokenizer makes none of it."""
    batch = encoded(tokenizer, texts, pairs, special)
    view = trace.at(text=batch)
    assert view.texts is not None  # a view of texts has them
    return Looked(batch, view.texts, view.tokens)
