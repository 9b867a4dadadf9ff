"""The examination: each text is read alone and in a batch, and what differs is mended by trial.

A text alone has no padding: what is read of it is what the model means, if it is the token that such a model is made
for. In a batch the same token of each text must be read. Where it is not, each change that could mend it is tried, and
the one that does is the one that is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import reduce
from typing import Any

from archtrace.answer.diagnosis import Diagnosis, Fault
from archtrace.setup import alone, chat, checkpoint, length, together
from archtrace.setup.batch import Looked
from archtrace.setup.parts import Setup
from archtrace.targets.texts import tokenizer_of
from archtrace.tracing import Trace, trace

#: What is read where nobody gives a text of theirs: three of different length.
SAMPLES = ("a fine film", "dull, and far too long", "no story at all, but a cast that is worth the evening")


def examine(
    target: Any,
    *,
    text: Sequence[str] = (),
    text_pair: Sequence[str] | None = None,
    tokenizer: Any = None,
    **wishes: Any,
) -> Diagnosis:
    """Whether a classifier reads of each text in a batch what it is made to read.

    `wishes` are further keyword arguments of `archtrace.trace`; without texts three samples are taken, without a
    tokenizer the checkpoint's own. Raises ArchtraceError where there is nothing to trace, or no tokenizer.
    """
    traced = trace(target, **wishes)
    own = tokenizer_of(traced.target) if tokenizer is None else tokenizer

    def again(fields: Mapping[str, Any]) -> Trace:
        if traced.target.module is not None:
            with _changed(traced.target.module.config, fields):
                return trace(target, **wishes)
        return trace(target, **{**wishes, "overrides": {**(wishes.get("overrides") or {}), **fields}})

    return _diagnosed(Setup(traced, own, tuple(text) or SAMPLES, text_pair, again, sampled=not text))


@contextmanager
def _changed(config: Any, fields: Mapping[str, Any]) -> Iterator[None]:
    """For a while a live model's config says something else in these fields, of itself or of a part of it."""
    places = [(reduce(getattr, path.split(".")[:-1], config), path.split(".")[-1]) for path in fields]
    before = [getattr(part, name) for part, name in places]
    try:
        for (part, name), value in zip(places, fields.values(), strict=True):
            setattr(part, name, value)
        yield
    finally:
        for (part, name), value in zip(places, before, strict=True):
            setattr(part, name, value)


def _diagnosed(setup: Setup) -> Diagnosis:
    """The diagnosis: of the checkpoint, of the texts, and of what lies beyond these texts."""
    name = setup.trace.target.name
    if faults := tuple(checkpoint.faults(setup)):
        return Diagnosis(name, "wrong", faults=faults)
    beyond = length.refused(setup)
    if beyond and any(len(alone.uncut(setup, n)) > beyond.most for n in range(len(setup.texts))):
        return Diagnosis(name, "wrong", faults=(beyond.fault,))
    found, conversation = _of_texts(setup), chat.heard(setup)
    more = (*((beyond.fault,) if beyond else ()), *conversation.faults)
    notes = (*_notes(setup, beyond), *conversation.notes)
    if more:
        return replace(found, opinion="wrong", reason="", faults=(*found.faults, *more), notes=notes)
    return replace(found, notes=notes)


def _of_texts(setup: Setup) -> Diagnosis:
    """What is found of the texts alone, and in a batch."""
    looked = [setup.one(n) for n in range(len(setup.texts))]
    blank = Diagnosis(
        setup.trace.target.name, "right", read=tuple(line for each in looked for line in each.texts.lines)
    )
    bound = setup.trace.result.status != "exact"
    if not bound and (faults := tuple(alone.faults(setup, looked))):
        return replace(blank, opinion="wrong", faults=_once(faults))
    if reason := _untold(bound, looked):
        return replace(blank, opinion="unknown", reason=reason)
    if len(looked) < 2:
        return replace(blank, reason="one text alone, and no batch was asked about")
    batch = setup.together()
    blank = replace(blank, read=batch.texts.lines)
    if fault := together.fault(setup, looked, batch):
        return replace(blank, opinion="wrong", faults=(fault,))
    why = (
        f"the same token of each of {len(looked)} texts is read alone and in a batch, and no padding reaches the logits"
    )
    return replace(blank, reason=why)


def _untold(bound: bool, looked: Sequence[Looked]) -> str:
    """Why nothing can be said token by token; empty where it can. What is read of no token is not read alike."""
    if bound:
        return "the answer about the model is a bound: it may read less than is known (archtrace TARGET says why)"
    if not all(each.texts.read[0] for each in looked):
        return "what is read stands at no token of its own: each position is made of several tokens"
    return ""


def _once(faults: Sequence[Fault]) -> tuple[Fault, ...]:
    """The first fault of each code: one text is example enough."""
    return tuple({fault.code: fault for fault in reversed(faults)}.values())[::-1]


def _notes(setup: Setup, beyond: length.Length | None) -> Iterator[str]:
    """What is no fault, and yet worth knowing: texts that are cut, and positions that are not trained."""
    for number, text in enumerate(setup.texts):
        tokens = len(alone.uncut(setup, number))
        if setup.limit and tokens > setup.limit:
            side, more = setup.tokenizer.truncation_side, "…" if len(text) > 40 else ""
            yield f'"{text[:40]}{more}" has {tokens} tokens, and is cut to {setup.limit} on the {side}'
    if beyond is None and (told := length.extrapolated(setup)):
        yield told
