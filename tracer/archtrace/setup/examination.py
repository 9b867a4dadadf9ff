"""The examination: each text is read alone and in a batch, and what differs is mended by trial.

A text alone has no padding: what is read of it is what the model means, if it is the token that such a model is made
for. In a batch the same token of each text must be read. Where it is not, each change that could mend it is tried, and
the one that does is the one that is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import archtrace.layouts as lay
from archtrace.answer.diagnosis import Diagnosis, Fault
from archtrace.errors import ArchtraceError
from archtrace.setup.batch import Looked, look
from archtrace.setup.given import Given, GivenTexts
from archtrace.setup.repadded import with_pad_id
from archtrace.setup.rows import rows_of
from archtrace.setup.unpadded import refused_unpadded
from archtrace.targets.texts import Encoded, tokenizer_of
from archtrace.tracing import Trace, trace

#: What is read where nobody gives a text of theirs: three of different length.
SAMPLES = ("a fine film", "dull, and far too long", "no story at all, but a cast that is worth the evening")
#: What to do where padding has no token of its own.
OWN_PAD = (
    "give padding a token of its own: tokenizer.add_special_tokens({'pad_token': '<pad>'}), "
    "model.resize_token_embeddings(len(tokenizer)), model.config.pad_token_id = tokenizer.pad_token_id"
)
PADDING_REACHES = Fault(
    "padding-reaches",
    "padding reaches the logits through the layers, though no hidden state of it is read",
    "the text alone",
    "give texts of one length, or one at a time: the model masks no padding",
)
#: Why nothing can be said of what is read where the answer about the model is wider than what runs show.
LOOSE = "the answer about the model is a bound: it may read less than is known (archtrace TARGET says why)"
#: What is read of a batch by the same model with this pad id in its config.
Again: TypeAlias = Callable[[int, Encoded], Looked]


def examine(
    target: Any,
    *,
    text: Sequence[str] = (),
    text_pair: Sequence[str] | None = None,
    batch: Mapping[str, Any] | None = None,
    tokenizer: Any = None,
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
    own = tokenizer_of(traced.target) if tokenizer is None else tokenizer
    return diagnosed(traced, target, GivenTexts(own, tuple(text) or SAMPLES, text_pair), wishes)


def diagnosed(traced: Trace, target: Any, given: Given, wishes: Mapping[str, Any]) -> Diagnosis:
    """The same of a model that is traced; `target` and `wishes` are what it was traced by. Raises ArchtraceError."""
    return Examination(traced, given, partial(with_pad_id, traced, target, wishes)).diagnosis()


def _of_rows(target: Any, batch: Mapping[str, Any], tokenizer: Any, wishes: Mapping[str, Any]) -> Diagnosis:
    """The same of a batch, which is traced in this layout alone; runs that take their time are made where the bound
    does not do."""
    own = getattr(lay.holder(target), "pad_token_id", None) if hasattr(target, "named_modules") else None
    given = rows_of(batch, tokenizer, getattr(tokenizer, "pad_token_id", own))

    def found(*, witness: bool) -> Diagnosis:
        traced = trace(target, text=given.together(), witness=witness, **wishes)
        return diagnosed(traced, target, given, wishes)

    quick = found(witness=False)
    return found(witness=True) if quick.reason == LOOSE else quick


class Examination:
    """One model with one tokenizer and some texts, or with rows of ids."""

    def __init__(self, traced: Trace, given: Given, again: Again) -> None:
        self._trace, self._given, self._tokenizer, self._again = traced, given, given.tokenizer, again
        self._kinds = {readout.kind for readout in traced.readouts}
        # What holds the ids: the config, or a module without one.
        self._source = traced.module if traced.config is None else traced.config

    def diagnosis(self) -> Diagnosis:
        """The diagnosis."""
        if faults := tuple(self._of_model()):
            return self._wrong(faults)
        alone = [look(self._trace, each) for each in self._given.alone()]
        lines = tuple(line for each in alone for line in each.texts.lines)
        if reason := self._untold(alone):
            return Diagnosis(self._trace.target.name, "unknown", reason, read=lines)
        if fault := self._of_texts(alone):
            return self._wrong((fault,), lines)
        if self._given.uncompared is not None:
            return Diagnosis(self._trace.target.name, *self._given.uncompared, read=lines)
        return self._of_batch(alone)

    def _wrong(self, faults: tuple[Fault, ...], lines: tuple[str, ...] = ()) -> Diagnosis:
        return Diagnosis(self._trace.target.name, "wrong", faults=faults, read=lines)

    # -- whatever the texts are ----------------------------------------------------------------------------------

    def _of_model(self) -> Iterator[Fault]:
        """Ids that the model has no row for, and a pad id that only the trace filled in."""
        known = {} if self._tokenizer is None else self._tokenizer.get_vocab()
        rows, size = lay.vocabulary_size(self._source), max(known.values(), default=-1) + 1
        if rows is not None and size > rows:
            change = "model.resize_token_embeddings(len(tokenizer)), or the tokenizer that the model was trained with"
            yield Fault("vocabulary", f"ids up to {size - 1}", f"ids below {rows}, as many as the model has", change)
        if refusal := refused_unpadded(self._trace):
            read = f"no pad id in the config, and the model refuses a batch: {refusal}"
            yield Fault("no-pad-id", read, "padding that the model can tell from the text", self._pad_id())

    def _pad_id(self) -> str:
        return f"model.config.pad_token_id = {self._given.pad}  # what the texts are padded with"

    # -- each text alone -----------------------------------------------------------------------------------------

    def _untold(self, alone: Sequence[Looked]) -> str:
        """Why nothing can be said token by token; empty where it can. What is read of no token is not read alike."""
        if self._by_position(alone):
            return "the output has a value for each position: of a text no one token is read, but each for itself"
        if not all(each.texts.read[0] for each in alone):
            return "what is read stands at no token of its own: each position is made of several tokens"
        return ""

    def _by_position(self, alone: Sequence[Looked]) -> bool:
        """Whether the output is as long as each text; one with as many labels as the text has tokens is none."""
        if not all(each.output[1:2] == (len(each.ids(0)),) for each in alone):
            return False
        labels = getattr(self._trace.config, "num_labels", None)
        return any(len(each.output) > 2 or each.output[1] != labels for each in alone)

    def _of_texts(self, alone: Sequence[Looked]) -> Fault | None:
        """What is wrong without any padding, and padding that cannot be made."""
        if fault := next((f for each in alone if (f := self._unset(each) or self._skipped(each))), None):
            return fault
        if not self._given.pads and len({len(each.ids(0)) for each in alone}) > 1:
            return Fault("no-pad-token", "nothing: texts of different length make no batch", "a batch", OWN_PAD)
        return None

    def _unset(self, each: Looked) -> Fault | None:
        """A tokenizer with a [CLS] that stands nowhere in the text: a word is read in its place."""
        names = ("cls", "bos") if self._kinds == {"first"} else ("cls",)
        made_for = next((n for n in names if getattr(self._tokenizer, f"{n}_token_id", None) is not None), None)
        if made_for is None or len(each.texts.read[0]) != 1:
            return None
        if getattr(self._tokenizer, f"{made_for}_token_id") in each.ids(0):
            return None
        read, meant = f"{each.texts.words[0]}, a word of the text", getattr(self._tokenizer, f"{made_for}_token")
        return Fault("no-cls", read, meant, "tokenizer(text, add_special_tokens=True), with a template that sets it")

    def _skipped(self, each: Looked) -> Fault | None:
        """An end that is the pad id: a head that looks for the last token that is no padding passes over it."""
        last, read = len(each.ids(0)) - 1, each.texts.read[0]
        if not self._kinds <= {"last_non_pad", "last"} or each.ids(0)[last] != self._pad() or read == (last,):
            return None
        end = each.texts.tokens[0][last]
        told = f"{each.texts.words[0]}: the {end} that ends the text passes for padding"
        return Fault("pad-is-end", told, f"the {end} that ends the text", OWN_PAD)

    def _pad(self) -> int | None:
        return lay.vocabulary(self._source).pad

    # -- all in one batch ----------------------------------------------------------------------------------------

    def _of_batch(self, alone: Sequence[Looked]) -> Diagnosis:
        batch = look(self._trace, self._given.together())
        alike, name = _alike(alone, batch), self._trace.target.name
        if alike and not any(map(batch.padding_reached, range(len(alone)))):
            why = f"the same token of each of {len(alone)} texts is read alone and in a batch, and no padding reaches"
            return Diagnosis(name, "right", why, read=batch.texts.lines)
        # A bound leaves out nothing that is read, so that it may say right. It may hold more, so that it says wrong
        # only where it is one position a row: that one, then, or none.
        if self._trace.result.status != "exact" and (alike or not _single(*alone, batch)):
            return Diagnosis(name, "unknown", LOOSE, read=batch.texts.lines)
        return self._wrong((PADDING_REACHES if alike else self._mended(alone, batch),), batch.texts.lines)

    def _mended(self, alone: Sequence[Looked], batch: Looked) -> Fault:
        """The fault of a batch, with the change that mends it."""
        row = next(n for n, each in enumerate(alone) if each.within(0) != batch.within(n))
        read, meant = batch.texts.lines[row], alone[row].texts.words[0]
        for code, change, mended in self._changes():
            try:
                after = mended()
            except ArchtraceError:  # a change that the model refuses mends nothing
                continue
            if _alike(alone, after):
                return Fault(code, read, meant, change)
        return Fault("batch-differs", read, meant, "give one text at a time: no change of side or pad id mends it")

    def _changes(self) -> Iterator[tuple[str, str, Callable[[], Looked]]]:
        """What may mend a batch: another pad id in the config, another side; each with the code that it is told by."""
        pad = self._given.pad
        if pad is not None and pad != self._pad() and self._trace.config is not None:
            yield "pad-id-differs", self._pad_id(), lambda: self._again(pad, self._given.together())
        change, moved = self._given.moved()
        yield "padding-side", change, lambda: look(self._trace, moved)


def _single(*looked: Looked) -> bool:
    """Whether one token of each text is read."""
    return all(len(row) == 1 for each in looked for row in each.texts.read)


def _alike(alone: Sequence[Looked], batch: Looked) -> bool:
    """Whether of each text the same is read alone and in the batch."""
    return all(each.within(0) == batch.within(row) for row, each in enumerate(alone))
