"""Together: what is wrong with the texts in one batch, and which change mends it, by trial."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from archtrace.answer.diagnosis import Fault
from archtrace.errors import ArchtraceError
from archtrace.setup.batch import Looked
from archtrace.setup.moved import moves
from archtrace.setup.parts import Setup
from archtrace.tracing import Trace

#: What helps where no change of a setup does.
SINGLY = "give texts of one length, or one at a time"
#: A change that may mend a batch: its code, its line, and the model and tokenizer after it.
Change = tuple[str, str, Callable[[], tuple[Trace, Any]]]


def fault(setup: Setup, alone: Sequence[Looked], batch: Looked) -> Fault | None:
    """What a batch reads otherwise than each text alone, or from padding; None where there is nothing."""
    row = next((n for n, each in enumerate(alone) if each.within(0) != batch.within(n)), None)
    if row is not None:
        code, change = _mend(setup, alone) or ("batch-differs", f"{SINGLY}: no change of side or pad id mends it")
        return Fault(code, batch.texts.lines[row], alone[row].texts.words[0], change)
    if any(map(batch.padding_reached, range(len(alone)))):
        read = "padding reaches the logits through the layers, though no hidden state of it is read"
        return Fault("padding-reaches", read, "the text alone", f"{SINGLY}: the model masks no padding")
    return _moved(setup, alone, batch) if moves(setup.trace, setup.tokenizer, alone) else None


def _moved(setup: Setup, alone: Sequence[Looked], batch: Looked) -> Fault:
    """The right token is read, but padding has moved the text to positions that mean something else to the model."""
    row = min(range(len(alone)), key=lambda n: len(alone[n].ids(0)))
    side = setup.tokenizer.padding_side
    read = f"{batch.texts.lines[row]}: the right token, but with padding on the {side} its logits are others than alone"
    _, change = _mend(setup, alone) or ("", f"{SINGLY}: no side leaves the positions as they are")
    return Fault("positions-move", read, "the logits that the text has alone", change)


def _mend(setup: Setup, alone: Sequence[Looked]) -> tuple[str, str] | None:
    """Code and line of the first change after which every text is read, and stands, as it does alone."""
    for code, change, after in _changes(setup):
        try:
            traced, tokenizer = after()
            batch = setup.together(traced, tokenizer)
        except ArchtraceError:  # a change that the model refuses mends nothing
            continue
        alike = all(each.within(0) == batch.within(row) for row, each in enumerate(alone))
        if alike and not moves(traced, tokenizer, alone):
            return code, change
    return None


def _changes(setup: Setup) -> Iterator[Change]:
    """What may mend a batch: another pad id in the config, another side."""
    own = setup.tokenizer
    if own.pad_token_id is not None and own.pad_token_id != setup.pad and setup.trace.config is not None:
        fields = {setup.pad_field: own.pad_token_id}
        yield "pad-id-differs", setup.pad_line, lambda: (setup.again(fields), own)
    other = copy.deepcopy(own)
    other.padding_side = "right" if own.padding_side == "left" else "left"
    yield "padding-side", f"tokenizer.padding_side = {other.padding_side!r}", lambda: (setup.trace, other)
