"""The verdict: each text is read alone and in a batch, and what differs is mended by trial.

A text alone has no padding: what is read of it is what the model means, if it is the token that such a model is made
for. In a batch the same token of each text must be read. Where it is not, each change that could mend it is tried, and
the one that does is the one that is told.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from archtrace.answer.texts import Texts
from archtrace.answer.verdict import Fault, Verdict
from archtrace.errors import ArchtraceError, TargetError
from archtrace.setup.batch import Looked, look
from archtrace.targets.texts import tokenizer_of
from archtrace.tracing import Trace, trace
from archtrace.unpadded import refused_unpadded

#: What is read where nobody gives a text of theirs: three of different length.
SAMPLES = ("a fine film", "dull, and far too long", "no story at all, but a cast that is worth the evening")


#: What to do where the end of a text passes for padding.
OWN_PAD = (
    "give padding a token of its own: tokenizer.add_special_tokens({'pad_token': '<pad>'}), "
    "model.resize_token_embeddings(len(tokenizer)), model.config.pad_token_id = tokenizer.pad_token_id"
)


def examine(
    target: Any,
    *,
    text: Sequence[str] = (),
    text_pair: Sequence[str] | None = None,
    tokenizer: Any = None,
    **wishes: Any,
) -> Verdict:
    """Whether a classifier reads of each text in a batch what it is made to read. `wishes` are those of
    `archtrace.trace`; without texts three samples are taken. Raises ArchtraceError where there is nothing to trace."""
    own = tokenizer_of(target) if tokenizer is None else tokenizer
    traced = trace(target, **wishes)
    return Examination(
        traced, own, tuple(text) or SAMPLES, text_pair, lambda fields: trace(target, **_with(wishes, fields))
    ).verdict()


def _with(wishes: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    return {**wishes, "overrides": {**(wishes.get("overrides") or {}), **fields}}


class Examination:
    """One model with one tokenizer and some texts. `again` traces the model with other fields in its config."""

    def __init__(
        self,
        traced: Trace,
        tokenizer: Any,
        texts: Sequence[str],
        pairs: Sequence[str] | None,
        again: Callable[[Mapping[str, Any]], Trace],
    ) -> None:
        self._trace, self._tokenizer, self._again = traced, tokenizer, again
        self._texts, self._pairs = texts, pairs

    def verdict(self) -> Verdict:
        """The verdict."""
        if faults := tuple(self._before()):
            return Verdict(self._trace.target.name, "wrong", "", faults)
        alone = [self._alone(n) for n in range(len(self._texts))]
        if faults := tuple(self._of_one(alone)):
            return Verdict(self._trace.target.name, "wrong", "", faults, tuple(x for a in alone for x in a.texts.lines))
        if len(self._texts) < 2:
            return self._right(alone[0].texts, "it is what is read of it alone; a batch was not asked about")
        try:
            batch = look(self._trace, self._tokenizer, self._texts, self._pairs)
        except TargetError as error:
            return self._wrong(Fault("no-pad-token", f"nothing: {_first(error)}", "a batch", self._pad_token()))
        if all(self._same(alone, batch)):
            return self._right(
                batch.texts, f"of each of {len(self._texts)} texts the same is read alone and in a batch"
            )
        return self._wrong(self._mended(alone, batch), batch.texts)

    def _wrong(self, fault: Fault, texts: Texts | None = None) -> Verdict:
        return Verdict(self._trace.target.name, "wrong", "", (fault,), texts.lines if texts else ())

    def _right(self, texts: Texts, why: str) -> Verdict:
        return Verdict(self._trace.target.name, "right", why, (), texts.lines)

    def _pad_token(self) -> str:
        end = self._tokenizer.unk_token or self._tokenizer.eos_token or "[PAD]"
        return f"tokenizer.pad_token = {end!r}; model.config.pad_token_id = tokenizer.pad_token_id"

    def _before(self) -> Iterator[Fault]:
        """What is wrong whatever the texts are: ids that the model has no row for, a pad id that only we filled in."""
        rows = getattr(self._trace.config.get_text_config(), "vocab_size", None)
        size = max(self._tokenizer.get_vocab().values(), default=-1) + 1
        if isinstance(rows, int) and size > rows:
            change = "model.resize_token_embeddings(len(tokenizer)), or the tokenizer that the model was trained with"
            yield Fault("vocabulary", f"ids up to {size - 1}", f"ids below {rows}, as many as the model has", change)
        if refusal := refused_unpadded(self._trace):
            read = f"no pad id in the config, and the model refuses a batch: {refusal}"
            yield Fault("no-pad-id", read, "padding that the model can tell from the text", self._pad_id())

    def _pad_id(self) -> str:
        return f"model.config.pad_token_id = {self._tokenizer.pad_token_id}  # the tokenizer's"

    def _alone(self, number: int) -> Looked:
        pairs = None if self._pairs is None else [self._pairs[number]]
        return look(self._trace, self._tokenizer, [self._texts[number]], pairs)

    def _of_one(self, alone: Sequence[Looked]) -> Iterator[Fault]:
        """What is wrong without any padding: the token that is made for this is not set, or the end is skipped."""
        for each in alone:
            if fault := self._unset(each) or self._skipped(each):
                yield fault
                return

    def _unset(self, each: Looked) -> Fault | None:
        """A tokenizer with a [CLS] that stands nowhere in the text: a word is read in its place."""
        kinds = {readout.kind for readout in self._trace.readouts}
        made_for = self._special("cls") or (self._special("bos") if kinds == {"first"} else set())
        if not made_for or len(each.texts.read[0]) != 1 or made_for.intersection(each.ids[0]):
            return None
        meant = self._tokenizer.cls_token or self._tokenizer.bos_token
        return Fault(
            "no-cls", f"{each.texts.words[0]}, a word of the text", meant, "tokenizer(text, add_special_tokens=True)"
        )

    def _skipped(self, each: Looked) -> Fault | None:
        """An end that is the pad id: a head that looks for the last token that is no padding passes over it."""
        ids, read = each.ids[0], each.texts.read[0]
        last, kinds = len(ids) - 1, {readout.kind for readout in self._trace.readouts}
        if not kinds <= {"last_non_pad", "last"} or ids[last] != self._pad() or read in ((), (last,)):
            return None
        end = each.texts.tokens[0][last]
        return Fault(
            "pad-is-end", f"{each.texts.words[0]}: the {end} that ends the text passes for padding", end, OWN_PAD
        )

    def _special(self, *names: str) -> set[int]:
        return {i for n in names if (i := getattr(self._tokenizer, f"{n}_token_id", None)) is not None}

    def _pad(self) -> int | None:
        value = getattr(self._trace.config.get_text_config(), "pad_token_id", None)
        return value if isinstance(value, int) else None

    @staticmethod
    def _same(alone: Sequence[Looked], batch: Looked) -> list[bool]:
        return [each.within(0) == batch.within(row) for row, each in enumerate(alone)]

    def _mended(self, alone: Sequence[Looked], batch: Looked) -> Fault:
        """The fault of a batch, with the change that mends it."""
        row = self._same(alone, batch).index(False)
        read, meant = batch.texts.lines[row], alone[row].texts.words[0]
        for code, change, mended in self._changes():
            try:
                after = mended()
            except ArchtraceError:
                continue
            if all(self._same(alone, after)):
                return Fault(code, read, meant, change)
        return Fault("batch-differs", read, meant, "give one text at a time: no change of side or pad id mends it")

    def _changes(self) -> Iterator[tuple[str, str, Callable[[], Looked]]]:
        """What may mend a batch: another pad id in the config, another side; each with the code that it is told by."""
        pad = self._tokenizer.pad_token_id
        if pad is not None and pad != self._pad():
            yield "pad-id-differs", self._pad_id(), lambda: self._looked(self._again(self._field(pad)), self._tokenizer)
        other = copy.deepcopy(self._tokenizer)
        other.padding_side = "right" if self._tokenizer.padding_side == "left" else "left"
        change = f"tokenizer.padding_side = {other.padding_side!r}"
        yield "padding-side", change, lambda: self._looked(self._trace, other)

    def _looked(self, traced: Trace, tokenizer: Any) -> Looked:
        return look(traced, tokenizer, self._texts, self._pairs)

    def _field(self, pad: int) -> dict[str, int]:
        """The pad id, in the part of the config that the head asks."""
        whole = self._trace.config
        part = whole.get_text_config()
        path = next((f"{n}." for n, v in vars(whole).items() if v is part), "") if part is not whole else ""
        return {f"{path}pad_token_id": pad}


def _first(error: Exception) -> str:
    return str(error).splitlines()[0]
