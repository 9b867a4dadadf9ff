"""The examination: each text is read alone and in a batch, and what differs is mended by trial.

A text alone has no padding: what is read of it is what the model means, if it is the token that such a model is made
for. In a batch the same token of each text must be read. Where it is not, each change that could mend it is tried, and
the one that does is the one that is told.
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
from archtrace.setup.given_texts import Given, GivenTexts
from archtrace.setup.id_rows import rows_of
from archtrace.setup.pad_id import with_pad_id
from archtrace.setup.parts import Setup
from archtrace.setup.position_shift import padding_shifts_logits
from archtrace.targets.tokenized import TextTokenizer, tokenizer_of
from archtrace.tracing.trace import Trace, trace

#: What is read where nobody gives a text of theirs: three of different length.
SAMPLES = ("a fine film", "dull, and far too long", "no story at all, but a cast that is worth the evening")
#: Why nothing can be said of what is read where the answer about the model is wider than what runs show.
LOOSE = "the answer about the model is a bound: it may read less than is known (archtrace TARGET says why)"
#: What a right setup has not been asked.
UNTRIED = "whether padding moves a text to other positions was not tried: no likeness of the model runs"


def examine(
    target: object,
    *,
    text: Sequence[str] = (),
    text_pair: Sequence[str] | None = None,
    batch: Mapping[str, object] | None = None,
    tokenizer: TextTokenizer | None = None,
    **wishes: Any,
) -> Diagnosis:
    """Whether a classifier reads of each text in a batch what it is made to read.

    `wishes` are further keyword arguments of `archtrace.trace`; without texts three samples are taken, without a
    tokenizer the checkpoint's own. In place of texts a `batch` may be given as a model is given it: ids of shape
    (rows, length) and their mask, by name; then two of its rows are looked at, and a tokenizer is not needed, but says
    more. Raises ArchtraceError where there is nothing to trace, no tokenizer for texts, or the model refuses the batch.
    """
    if batch is not None:
        return _of_rows(target, batch, tokenizer, wishes)
    traced = trace(target, **wishes)
    own: TextTokenizer = tokenizer_of(traced.target) if tokenizer is None else tokenizer
    given = GivenTexts(own, tuple(text) or SAMPLES, text_pair, sampled=not text)
    return diagnosed(traced, target, given, wishes)


def _of_rows(
    target: object, batch: Mapping[str, object], tokenizer: TextTokenizer | None, wishes: Mapping[str, Any]
) -> Diagnosis:
    """The same of a batch, which is traced in this layout alone; runs that take their time are made where the bound
    does not do."""
    own: int | None = getattr(lay.holder(target), "pad_token_id", None) if hasattr(target, "named_modules") else None
    given = rows_of(batch, tokenizer, getattr(tokenizer, "pad_token_id", own))

    def found(*, witness: bool) -> Diagnosis:
        traced = trace(target, text=given.as_batch(), witness=witness, **wishes)
        return diagnosed(traced, target, given, wishes)

    quick = found(witness=False)
    return found(witness=True) if quick.reason == LOOSE else quick


def diagnosed(traced: Trace, target: object, given: Given, wishes: Mapping[str, Any]) -> Diagnosis:
    """The same of a model that is traced; `target` and `wishes` are what it was traced by. Raises ArchtraceError.

    First the checkpoint whatever the texts are, then the texts, then what lies beyond these texts.
    """
    setup = Setup(traced, given, partial(with_pad_id, traced, target, wishes))
    name = traced.target.name
    if faults := tuple(checkpoint.faults(setup)):
        return Diagnosis(name, "wrong", faults=faults)
    beyond, written = length.refused(setup), setup.written
    if beyond and written and any(len(written.uncut(n)) > beyond.most for n in range(len(written.texts))):
        return Diagnosis(name, "wrong", faults=(beyond.fault,))
    found, conversation = _of_given(setup), chat.examine_chat(setup)
    more = (*((beyond.fault,) if beyond else ()), *conversation.faults)
    notes = (*found.notes, *_notes(setup, beyond), *conversation.notes)
    if more:
        return replace(found, opinion="wrong", reason="", faults=(*found.faults, *more), notes=notes)
    return replace(found, notes=notes)


def _of_given(setup: Setup) -> Diagnosis:
    """What is found of each text single_texts, and of the batch."""
    looked = [read_batch(setup.trace, each) for each in setup.given.one_by_one()]
    lines = tuple(line for each in looked for line in each.texts.lines)
    blank = Diagnosis(setup.trace.target.name, "unknown", read=lines)
    if setup.by_position(looked):
        why = "the output has a value for each position, so no single token is read"
        return replace(blank, reason=why)
    if faults := tuple(single_texts.faults(setup, looked)):
        return replace(blank, opinion="wrong", faults=_once(faults))
    if not all(each.texts.read[0] for each in looked):  # what is read of no token is not read alike
        why = "the position that is read is not a token: each position is made of several tokens"
        return replace(blank, reason=why)
    if setup.given.uncompared is not None:
        opinion, reason = setup.given.uncompared
        return replace(blank, opinion=opinion, reason=reason)
    return _of_batch(setup, looked)


def _of_batch(setup: Setup, looked: Sequence[BatchReading]) -> Diagnosis:
    """What is found of all texts in one batch."""
    batch = read_batch(setup.trace, setup.given.as_batch())
    blank = Diagnosis(setup.trace.target.name, "unknown", read=batch.texts.lines)
    if batch_faults.is_uncertain(setup, looked, batch):
        return replace(blank, reason=LOOSE)
    if fault := batch_faults.fault(setup, looked, batch):
        return replace(blank, opinion="wrong", faults=(fault,))
    differs = padding_shifts_logits(setup.trace, batch.batch, setup.special)
    if differs:
        return replace(blank, opinion="wrong", faults=(batch_faults.shifted(setup, looked, batch),))
    alike = f"the same token of each of {len(looked)} texts is read alone and in a batch"
    notes = (UNTRIED,) if differs is None else ()
    return replace(blank, opinion="right", reason=f"{alike}, and no padding reaches the logits", notes=notes)


def _once(faults: Sequence[Fault]) -> tuple[Fault, ...]:
    """The first fault of each code: one text is example enough."""
    return tuple({fault.code: fault for fault in reversed(faults)}.values())[::-1]


def _notes(setup: Setup, beyond: length.Length | None) -> Iterator[str]:
    """What is no fault, and yet worth knowing: texts that are cut, and positions that are not trained."""
    written, limit = setup.written, setup.limit
    if written is None:
        return
    for number, text in enumerate(written.texts):
        tokens = len(written.uncut(number))
        if limit and tokens > limit:
            side, more = written.tokenizer.truncation_side, "…" if len(text) > 40 else ""
            yield f'"{text[:40]}{more}" has {tokens} tokens, and is cut to {limit} on the {side}'
    if beyond is None and (told := length.extrapolated(setup)):
        yield told
