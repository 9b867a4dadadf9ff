"""What is wrong with the texts in one batch, and which change mends it, by trial."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from archtrace.answer.diagnosis import Fault
from archtrace.errors import ArchtraceError
from archtrace.setup.batch_reading import BatchReading, read_batch
from archtrace.setup.parts import Setup
from archtrace.setup.position_shift import padding_shifts_logits
from archtrace.targets.tokenized import Encoded
from archtrace.tracing.trace import Trace

#: What helps where no change of a setup does.
SINGLY = "give texts of one length, or one at a time"
#: A change that may mend a batch: its code, its line, and the model and the batch after it.
Change = tuple[str, str, Callable[[], tuple[Trace, Encoded]]]


def is_uncertain(setup: Setup, singles: Sequence[BatchReading], batch: BatchReading) -> bool:
    """Whether more may be read of the batch than of the texts alone, and a bound does not tell whether it is."""
    if _other(singles, batch) is None:
        return setup.trace.result.status != "exact" and _reached(batch)
    return not setup.is_sure(*singles, batch)


def fault(setup: Setup, singles: Sequence[BatchReading], batch: BatchReading) -> Fault | None:
    """What a batch reads otherwise than each text alone, or from padding; None where there is nothing."""
    row = _other(singles, batch)
    if row is not None:
        code, change = _mend(setup, singles) or (
            "batch-differs",
            f"{SINGLY}: neither the other side nor another pad id helps",
        )
        return Fault(code, batch.texts.lines[row], singles[row].texts.words[0], change)
    if _reached(batch):
        read = "padding reaches the logits through the layers, although no hidden state at a pad is read"
        return Fault("padding-reaches", read, "the text alone", f"{SINGLY}: the model does not mask padding")
    return None


def _other(singles: Sequence[BatchReading], batch: BatchReading) -> int | None:
    """The first row of which something else is read in the batch than alone."""
    return next((n for n, each in enumerate(singles) if each.within(0) != batch.within(n)), None)


def _reached(batch: BatchReading) -> bool:
    """Whether padding reaches the logits."""
    return any(map(batch.padding_reached, range(len(batch.batch.spans))))


def shifted(setup: Setup, singles: Sequence[BatchReading], batch: BatchReading) -> Fault:
    """The right token is read, but padding has moved the text to positions that mean something else to the model."""
    row, side = min(range(len(singles)), key=lambda n: len(singles[n].ids(0))), batch.batch.side
    told = f"the right token, but with padding on the {side} the text gets other logits than alone"
    read = f"{batch.texts.lines[row]}: {told}"
    _, change = _mend(setup, singles) or ("", f"{SINGLY}: padding changes the positions on either side")
    return Fault("positions-move", read, "the logits that the text has alone", change)


def _mend(setup: Setup, singles: Sequence[BatchReading]) -> tuple[str, str] | None:
    """Code and line of the first change after which every text is read, and stands, as it does alone."""
    for code, change, after in _changes(setup):
        try:
            traced, batch = after()
            found = read_batch(traced, batch)
        except ArchtraceError:  # a change that the model refuses mends nothing
            continue
        if _other(singles, found) is None and not padding_shifts_logits(traced, batch, setup.special):
            return code, change
    return None


def _changes(setup: Setup) -> Iterator[Change]:
    """What may mend a batch: another pad id in the config, another side."""
    pad, batch = setup.given.pad, setup.given.as_batch()
    if pad is not None and pad != setup.pad and setup.trace.config is not None:
        yield "pad-id-differs", setup.pad_line, lambda: (setup.retrace(pad, batch), batch)
    change, moved = setup.given.padded_otherwise()
    yield "padding-side", change, lambda: (setup.trace, moved)
