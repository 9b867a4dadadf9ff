"""A reading: what is read of texts alone and in a batch, as positions within each text."""

from __future__ import annotations

from dataclasses import dataclass

from archtrace.answer.positions import Rows
from archtrace.answer.texts import Texts
from archtrace.targets.tokenized import Encoded
from archtrace.tracing.trace import Trace


@dataclass(frozen=True)
class BatchReading:
    """A batch as a model reads it: the tokens that stand where a hidden state is read, and those that reach the
    logits, of the shape `output`."""

    batch: Encoded
    texts: Texts
    reached: Rows
    output: tuple[int, ...]

    def ids(self, row: int) -> list[int]:
        """The ids of a row."""
        found: list[int] = self.batch.inputs[self.batch.ids][row]
        return found

    def within(self, row: int) -> tuple[int, ...]:
        """The read positions of a row, counted from where its text begins: padding lies outside of it."""
        return tuple(p - self.batch.spans[row][0] for p in self.texts.read[row])

    def padding_reached(self, row: int) -> tuple[int, ...]:
        """The positions of padding in a row that reach the logits."""
        start, stop = self.batch.spans[row]
        return tuple(p for p in self.reached[row] if not start <= p < stop)


def read_batch(trace: Trace, batch: Encoded) -> BatchReading:
    """What a traced model reads of a batch. LayoutError where the model refuses it."""
    view = trace.at(text=batch)
    assert view.texts is not None  # a view of texts has them
    return BatchReading(batch, view.texts, view.tokens, view.output)
