"""What the rules on the last token share: an index that is the last token in some layouts, told where it is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from archtrace.contract.traced import Broken, Traced, worded


def mistaken(model: Traced, code: str, predict: Callable[[Sequence[bool]], int], what: str) -> Iterator[Broken]:
    """Readouts that no kind explains, and `predict` does, from which positions of a row are no padding."""
    for number, readout in model.readouts("other"):
        read = next((read for read in model.reads(readout) if read.position != read.last), None)
        if read and model.fits(readout, predict):
            told = (
                f"{model.contract.name} reads {readout.slice}, {what} ({worded(read)}, and the last token is at "
                f"{read.last}); take the position of the last token that is not a pad"
            )
            yield Broken(code, told, "reads", number)
