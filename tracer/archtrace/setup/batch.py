"""Batch: what is read of texts alone and together, as positions within each text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from archtrace.answer.positions import Rows
from archtrace.answer.texts import Texts
from archtrace.targets.texts import encoded
from archtrace.tracing import Trace


@dataclass(frozen=True)
class Looked:
    """A batch as it was read: the texts, where each begins and ends in its row, and the ids of each."""

    texts: Texts
    spans: tuple[tuple[int, int], ...]
    ids: Rows

    def within(self, row: int) -> tuple[int, ...]:
        """The read positions of a row, counted within its text; what falls on padding lies outside of it."""
        start, _ = self.spans[row]
        return tuple(p - start for p in self.texts.read[row])

    def on_padding(self, row: int) -> tuple[int, ...]:
        """The read positions of a row that are padding."""
        start, stop = self.spans[row]
        return tuple(p for p in self.texts.read[row] if not start <= p < stop)


def look(trace: Trace, tokenizer: Any, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Looked:
    """What a traced model reads of a batch. LayoutError where the model refuses it, TargetError where the tokenizer
    makes none of it."""
    batch = encoded(tokenizer, texts, pairs)
    found = trace.at(text=texts, text_pair=pairs, tokenizer=tokenizer).texts
    assert found is not None  # a view of texts has them
    lengths = [
        len(encoded(tokenizer, [t], None if pairs is None else [pairs[n]]).tokens[0]) for n, t in enumerate(texts)
    ]
    left = getattr(tokenizer, "padding_side", "right") == "left"
    spans = (((len(row) - n, len(row)) if left else (0, n)) for row, n in zip(batch.tokens, lengths, strict=True))
    return Looked(found, tuple(spans), tuple(map(tuple, batch.inputs["input_ids"])))
