"""A reading: which positions of each text of a batch a traced model reads."""

from __future__ import annotations

from dataclasses import dataclass

from archtrace.answer.positions import Rows
from archtrace.answer.texts import Texts
from archtrace.targets.tokenized import Encoded
from archtrace.tracing.trace import Trace


@dataclass(frozen=True)
class BatchReading:
    """What a model reads of a batch. `encoded`: the batch; `texts`: its tokens, and which of them stand where a hidden
    state is read; `reaching`: for each row, the tokens that reach the logits; `output_shape`: the shape of the logits.
    """

    encoded: Encoded
    texts: Texts
    reaching: Rows
    output_shape: tuple[int, ...]

    def ids(self, row: int) -> list[int]:
        """The ids of a row."""
        ids: list[int] = self.encoded.inputs[self.encoded.ids][row]
        return ids

    def read_in_text(self, row: int) -> tuple[int, ...]:
        """The read positions of a row, counted from where its text begins: those of padding lie outside the text."""
        return tuple(p - self.encoded.spans[row][0] for p in self.texts.read[row])

    def reached_padding(self, row: int) -> tuple[int, ...]:
        """The positions of padding in a row that reach the logits."""
        start, stop = self.encoded.spans[row]
        return tuple(p for p in self.reaching[row] if not start <= p < stop)


def read_batch(trace: Trace, batch: Encoded) -> BatchReading:
    """What a traced model reads of a batch. Raises LayoutError where the model refuses it."""
    view = trace.at(text=batch)
    assert view.texts is not None  # a view of texts has them
    return BatchReading(batch, view.texts, view.tokens, view.output)
