"""What the rules on the last token share: an index that is the last token in some layouts and another one elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from archtrace.contract.traced_model import ContractViolation, TracedModel, in_words


def violations_at(
    model: TracedModel, code: str, predict: Callable[[Sequence[bool]], int], description: str
) -> Iterator[ContractViolation]:
    """Violations by readouts of no known kind that read the position that `predict` gives for each row.

    `predict`: from which positions of a row are no padding to a position. `description`: what stands there, in words.
    """
    for number, readout in model.readouts("other"):
        read = next((read for read in model.reads(readout) if read.position != read.last), None)
        if read and model.fits(readout, predict):
            message = (
                f"{model.contract.name} reads {readout.slice}, {description} ({in_words(read)}, and the last token is "
                f"at {read.last}); take the position of the last token that is not a pad"
            )
            yield ContractViolation(code, message, "reads", number)
