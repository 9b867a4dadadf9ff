"""The examination: whether a model reads the same token of each text by itself and in a batch.

A text by itself has no padding, so the token that the model reads then is the one that it should read, if it is a token
that such a model is made to read. In a batch it must read the same token of each text. Where it does not, each change
that could fix it is tried, and the diagnosis names the one that works.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import archtrace.capture.inputs.layouts as lay
from archtrace.answer.diagnosis import Diagnosis, Fault
from archtrace.setup import batch_faults, chat, checkpoint, length, single_texts
from archtrace.setup.batch_reading import BatchReading, read_batch
from archtrace.setup.given_texts import GivenInput, GivenTexts
from archtrace.setup.id_rows import given_rows
from archtrace.setup.model_and_input import Setup
from archtrace.setup.pad_id import with_pad_id
from archtrace.setup.position_shift import padding_shifts_logits
from archtrace.targets.tokenized import TextTokenizer, tokenizer_of
from archtrace.tracing.trace import Trace, trace

#: The texts that are examined where the user gives none: three of different length.
SAMPLES = ("a fine film", "dull, and far too long", "no story at all, but a cast that is worth the evening")
#: The reason of an unknown where the answer about the model is wider than what runs show.
BOUND_IS_WIDER = "the answer about the model is a bound: it may read less than is known (archtrace TARGET says why)"
#: A note on a right setup of which no smaller model could be run.
SHIFT_UNTRIED = (
    "whether padding moves a text to other positions was not tried: no smaller model of the same architecture runs"
)


def examine(
    target: object,
    *,
    text: Sequence[str] = (),
    text_pair: Sequence[str] | None = None,
    batch: Mapping[str, object] | None = None,
    tokenizer: TextTokenizer | None = None,
    **options: Any,
) -> Diagnosis:
    """Whether a classifier reads of each text in a batch what it is made to read.

    `options` are further keyword arguments of `archtrace.trace`. Without texts three samples are examined; without a
    tokenizer, the checkpoint's own is taken. In place of texts a `batch` may be given as a model takes it: ids of shape
    (rows, length) and their mask, by name. Two of its rows are examined then; a tokenizer is not needed, but adds the
    tokens' names. Raises ArchtraceError where there is nothing to trace, no tokenizer for texts, or the model refuses
    the batch.
    """
    if batch is not None:
        return _examine_batch(target, batch, tokenizer, options)
    traced = trace(target, **options)
    own: TextTokenizer = tokenizer_of(traced.target) if tokenizer is None else tokenizer
    given = GivenTexts(own, tuple(text) or SAMPLES, text_pair, sampled=not text)
    return diagnose(traced, target, given, options)


def _examine_batch(
    target: object, batch: Mapping[str, object], tokenizer: TextTokenizer | None, options: Mapping[str, Any]
) -> Diagnosis:
    """`examine` for a batch, which is traced in its own layout only; numeric runs, which take longer, are made only
    where the bound leaves the answer open."""
    model_pad: int | None = (
        getattr(lay.holder(target), "pad_token_id", None) if hasattr(target, "named_modules") else None
    )
    given = given_rows(batch, tokenizer, getattr(tokenizer, "pad_token_id", model_pad))

    def diagnosis(*, witness: bool) -> Diagnosis:
        traced = trace(target, text=given.as_batch(), witness=witness, **options)
        return diagnose(traced, target, given, options)

    by_bound = diagnosis(witness=False)
    return diagnosis(witness=True) if by_bound.reason == BOUND_IS_WIDER else by_bound


def diagnose(traced: Trace, target: object, given: GivenInput, options: Mapping[str, Any]) -> Diagnosis:
    """`examine` for a model that is traced already; `target` and `options` are the arguments of that trace.

    It looks for faults of the checkpoint, of the given texts, and of longer texts and conversations, in this order.
    Raises ArchtraceError where the model refuses the texts.
    """
    setup = Setup(traced, given, partial(with_pad_id, traced, target, options))
    name = traced.target.name
    if faults := tuple(checkpoint.faults(setup)):
        return Diagnosis(name, "wrong", faults=faults)
    too_long, texts = length.too_long(setup), setup.texts
    if too_long and texts and any(len(texts.untruncated_ids(n)) > too_long.most for n in range(len(texts.texts))):
        return Diagnosis(name, "wrong", faults=(too_long.fault,))
    diagnosis, conversation = _diagnose_given(setup), chat.examine_chat(setup)
    more_faults = (*((too_long.fault,) if too_long else ()), *conversation.faults)
    notes = (*diagnosis.notes, *_length_notes(setup, too_long), *conversation.notes)
    if more_faults:
        faults = (*diagnosis.faults, *more_faults)
        return replace(diagnosis, opinion="wrong", reason="", faults=faults, notes=notes)
    return replace(diagnosis, notes=notes)


def _diagnose_given(setup: Setup) -> Diagnosis:
    """The diagnosis of the given texts: of each by itself, then of all in one batch."""
    single_readings = [read_batch(setup.trace, batch) for batch in setup.given.single_batches()]
    lines = tuple(line for reading in single_readings for line in reading.texts.lines)
    unknown = Diagnosis(setup.trace.target.name, "unknown", read=lines)
    if setup.has_output_per_token(single_readings):
        why = "the output has a value for each position, so no single token is read"
        return replace(unknown, reason=why)
    if faults := tuple(single_texts.faults(setup, single_readings)):
        return replace(unknown, opinion="wrong", faults=_first_of_each_code(faults))
    if not all(reading.texts.read[0] for reading in single_readings):  # without tokens there is nothing to compare
        why = "the position that is read is not a token: each position is made of several tokens"
        return replace(unknown, reason=why)
    if setup.given.verdict_without_batch is not None:
        opinion, reason = setup.given.verdict_without_batch
        return replace(unknown, opinion=opinion, reason=reason)
    return _diagnose_batch(setup, single_readings)


def _diagnose_batch(setup: Setup, single_readings: Sequence[BatchReading]) -> Diagnosis:
    batch = read_batch(setup.trace, setup.given.as_batch())
    unknown = Diagnosis(setup.trace.target.name, "unknown", read=batch.texts.lines)
    if batch_faults.is_uncertain(setup, single_readings, batch):
        return replace(unknown, reason=BOUND_IS_WIDER)
    if fault := batch_faults.fault(setup, single_readings, batch):
        return replace(unknown, opinion="wrong", faults=(fault,))
    is_shifted = padding_shifts_logits(setup.trace, batch.encoded, setup.special_ids)
    if is_shifted:
        fault = batch_faults.position_fault(setup, single_readings, batch)
        return replace(unknown, opinion="wrong", faults=(fault,))
    same = f"the same token of each of {len(single_readings)} texts is read alone and in a batch"
    notes = (SHIFT_UNTRIED,) if is_shifted is None else ()
    return replace(unknown, opinion="right", reason=f"{same}, and no padding reaches the logits", notes=notes)


def _first_of_each_code(faults: Sequence[Fault]) -> tuple[Fault, ...]:
    """One text is example enough of a fault."""
    return tuple({fault.code: fault for fault in reversed(faults)}.values())[::-1]


def _length_notes(setup: Setup, too_long: length.TooLong | None) -> Iterator[str]:
    """Notes on texts that are cut, and on texts longer than those that the model was trained for."""
    given, limit = setup.texts, setup.max_length
    if given is None:
        return
    for number, text in enumerate(given.texts):
        tokens = len(given.untruncated_ids(number))
        if limit and tokens > limit:
            side, ellipsis = given.tokenizer.truncation_side, "…" if len(text) > 40 else ""
            yield f'"{text[:40]}{ellipsis}" has {tokens} tokens, and is cut to {limit} on the {side}'
    if too_long is None and (note := length.beyond_trained_positions(setup)):
        yield note
