"""What goes wrong when the texts stand in one batch, and which change fixes it, found by trial."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from archtrace.answer.diagnosis import Fault
from archtrace.errors import ArchtraceError
from archtrace.setup.batch_reading import BatchReading, read_batch
from archtrace.setup.model_and_input import Setup
from archtrace.setup.position_shift import padding_shifts_logits
from archtrace.targets.tokenized import Encoded
from archtrace.tracing.trace import Trace

#: The advice where no change of the setup helps.
ONE_AT_A_TIME = "give texts of one length, or one at a time"
#: A change that may fix a batch: the code of the fault, the line to write, and what gives model and batch after it.
Change = tuple[str, str, Callable[[], tuple[Trace, Encoded]]]


def is_uncertain(setup: Setup, single_readings: Sequence[BatchReading], batch: BatchReading) -> bool:
    """Whether the answer is a bound that leaves open whether the batch is read as its texts are without padding."""
    if _first_differing_row(single_readings, batch) is None:
        return setup.trace.result.status != "exact" and _padding_reaches_logits(batch)
    return not setup.is_sure(*single_readings, batch)


def fault(setup: Setup, single_readings: Sequence[BatchReading], batch: BatchReading) -> Fault | None:
    """The fault where a text is read otherwise in the batch than without padding, or padding reaches the logits; None
    where neither is so."""
    row = _first_differing_row(single_readings, batch)
    if row is not None:
        advice = f"{ONE_AT_A_TIME}: neither the other side nor another pad id helps"
        code, change = _mending_change(setup, single_readings) or ("batch-differs", advice)
        return Fault(code, batch.texts.lines[row], single_readings[row].texts.words[0], change)
    if _padding_reaches_logits(batch):
        read = "padding reaches the logits through the layers, although no hidden state at a pad is read"
        return Fault("padding-reaches", read, "the text alone", f"{ONE_AT_A_TIME}: the model does not mask padding")
    return None


def _first_differing_row(single_readings: Sequence[BatchReading], batch: BatchReading) -> int | None:
    """The first row whose text is read at other positions in the batch than without padding."""
    differs = (single.read_in_text(0) != batch.read_in_text(row) for row, single in enumerate(single_readings))
    return next((row for row, differing in enumerate(differs) if differing), None)


def _padding_reaches_logits(batch: BatchReading) -> bool:
    return any(map(batch.reached_padding, range(len(batch.encoded.spans))))


def position_fault(setup: Setup, single_readings: Sequence[BatchReading], batch: BatchReading) -> Fault:
    """The fault where the right token is read, but padding moves the text to positions that change its logits."""
    row, side = min(range(len(single_readings)), key=lambda n: len(single_readings[n].ids(0))), batch.encoded.side
    problem = f"the right token, but with padding on the {side} the text gets other logits than alone"
    read = f"{batch.texts.lines[row]}: {problem}"
    advice = f"{ONE_AT_A_TIME}: padding changes the positions on either side"
    _, change = _mending_change(setup, single_readings) or ("", advice)
    return Fault("positions-move", read, "the logits that the text has alone", change)


def _mending_change(setup: Setup, single_readings: Sequence[BatchReading]) -> tuple[str, str] | None:
    """Code and line of the first change with which each text of the batch is read as it is without padding, and gets
    the same logits; None where no change does that."""
    for code, line, apply in _possible_changes(setup):
        try:
            traced, batch = apply()
            reading = read_batch(traced, batch)
        except ArchtraceError:  # a change that the model refuses fixes nothing
            continue
        differs = _first_differing_row(single_readings, reading) is not None
        if not differs and not padding_shifts_logits(traced, batch, setup.special_ids):
            return code, line
    return None


def _possible_changes(setup: Setup) -> Iterator[Change]:
    """Another pad id in the config, then padding on the other side."""
    pad, batch = setup.given.pad_id, setup.given.as_batch()
    if pad is not None and pad != setup.model_pad_id and setup.trace.config is not None:
        yield "pad-id-differs", setup.pad_id_line, lambda: (setup.retrace(pad, batch), batch)
    line, on_other_side = setup.given.padded_on_other_side()
    yield "padding-side", line, lambda: (setup.trace, on_other_side)
