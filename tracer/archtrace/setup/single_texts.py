"""Alone: what is wrong with the texts one by one, without any padding."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from archtrace.answer.diagnosis import Fault
from archtrace.errors import ArchtraceError
from archtrace.setup.batch_reading import BatchReading, read_batch
from archtrace.setup.given_texts import GivenTexts
from archtrace.setup.parts import Setup
from archtrace.targets.tokenized import TextTokenizer


def faults(setup: Setup, singles: Sequence[BatchReading]) -> Iterator[Fault]:
    """What is wrong with each text, and padding that cannot be made."""
    for number, each in enumerate(singles):
        if setup.is_sure(each):
            yield from filter(None, _of_one(setup, number, each))
    if not setup.given.pads and len({len(each.ids(0)) for each in singles}) > 1:
        yield Fault("no-pad-token", "nothing: texts of different length make no batch", "a batch", setup.own_pad)


def _of_one(setup: Setup, number: int, each: BatchReading) -> Iterator[Fault | None]:
    if not each.texts.read[0]:
        yield _prompt_read(setup, each)
        return
    yield from (_unset(setup, each), _unended(setup, each), skipped(setup, each))
    if setup.written is not None:
        yield from (_twice(setup, setup.written, number, each), _cut(setup, setup.written, number, each))


def _made_for(setup: Setup) -> str | None:
    """The name of the token that is set for a classifier to read; None where the tokenizer knows none."""
    names = ("cls", "bos") if setup.kinds == {"first"} else ("cls",)
    return next((n for n in names if _own_id(setup, n) is not None), None)


def _own_id(setup: Setup, name: str) -> int | None:
    """The id of a special token, such as "cls"; None where the tokenizer has none."""
    own: int | None = getattr(setup.tokenizer, f"{name}_token_id", None)
    return own


def _own_token(setup: Setup, name: str | None) -> str | None:
    own: str | None = getattr(setup.tokenizer, f"{name}_token", None)
    return own


def _prompt_read(setup: Setup, each: BatchReading) -> Fault | None:
    """A fixed index in a row that learned vectors stand in front of: it is theirs, and no token's."""
    prompts: object = getattr(setup.trace.module, "prompt_tokens", None)  # as PEFT's wrapper calls them
    if not prompts or setup.kinds != {"first"}:
        return None
    token = _own_token(setup, _made_for(setup)) or each.texts.tokens[0][0]
    read = "the first of the vectors that the adapter puts in front of the text, at index 0"
    change = "an adapter that puts nothing in front of the text: peft.LoraConfig(task_type='SEQ_CLS')"
    return Fault("prompt-read", read, f"{token}, the first token of the text", change)


def _unset(setup: Setup, each: BatchReading) -> Fault | None:
    """A tokenizer with a [CLS] that stands nowhere in the text: a word is read in its place."""
    made_for = _made_for(setup)
    if made_for is None or len(each.texts.read[0]) != 1:
        return None
    if _own_id(setup, made_for) in each.ids(0):
        return None
    read, meant = f"{each.texts.words[0]}, a word of the text", str(_own_token(setup, made_for))
    return Fault("no-cls", read, meant, "tokenizer(text, add_special_tokens=True), with a template that adds it")


def _unended(setup: Setup, each: BatchReading) -> Fault | None:
    """An end that the tokenizer's file asks for, and that nothing sets: transformers 5 drops `add_eos_token` of a
    folder with a tokenizer.json (tokenization_utils_base.py, `_from_pretrained`), whose template alone counts."""
    own = setup.tokenizer
    if own is None or not setup.reads_last or own.eos_token_id in (None, each.ids(0)[-1]) or not _promises_end(own):
        return None
    if setup.written is None and getattr(own, "chat_template", None):  # rows may be conversations, which end otherwise
        return None
    starts, where = each.ids(0)[0] == own.bos_token_id, str(own.name_or_path)
    line = f"tokenizer = AutoTokenizer.from_pretrained({where!r}, add_bos_token={starts}, add_eos_token=True)"
    # An end that is padding too would be passed over once it is set.
    change = f"{line}; {setup.own_pad}" if own.eos_token_id == setup.pad else line
    read = f"{each.texts.lines[0]}: tokenizer_config.json says add_eos_token, but no {own.eos_token} is added"
    return Fault("no-end", read, f"the {own.eos_token} that ends the text", change)


def _promises_end(tokenizer: TextTokenizer) -> bool:
    """Whether a tokenizer says that it sets an end, itself or in its file."""
    if getattr(tokenizer, "add_eos_token", False):
        return True
    from transformers.utils import cached_file

    try:
        file: str | None = cached_file(str(tokenizer.name_or_path), "tokenizer_config.json", local_files_only=True)
        fields: Mapping[str, object] = json.loads(Path(str(file)).read_text("utf-8"))
        return bool(fields.get("add_eos_token"))
    except (OSError, ValueError, AttributeError):  # made in Python, or in no file that is here
        return False


def skipped(setup: Setup, each: BatchReading) -> Fault | None:
    """An end that is the pad id: a head that looks for the last token that is no padding passes over it."""
    last, read = len(each.ids(0)) - 1, each.texts.read[0]
    if not setup.reads_last or each.ids(0)[last] != setup.pad or read == (last,):
        return None
    end = f"the {each.texts.tokens[0][last]} ({last}) that ends the text"
    return Fault("pad-is-end", f"{each.texts.lines[0]}: {end} is the pad token, so the model skips it as padding",
                 end, setup.own_pad)  # fmt: skip


def _twice(setup: Setup, written: GivenTexts, number: int, each: BatchReading) -> Fault | None:
    """A special token that the text has, and that the tokenizer sets once more (reward-bench 164, OpenRLHF 393).

    Not of a pair, between whose texts a separator may stand twice, nor where text or template has it twice by itself.
    """
    if written.pairs is not None:
        return None
    own = written.tokenizer(written.texts[number], add_special_tokens=False)["input_ids"]
    for edge in (slice(None, 2), slice(-2, None)):
        made, given = each.ids(0)[edge], own[edge]
        token = made[0]
        if made == [token, token] and given.count(token) == 1 and token in setup.special:
            name = written.tokenizer.convert_ids_to_tokens(token)
            read = f"{name} twice: the text already has one, and the tokenizer adds another"
            return Fault("special-twice", read, f"one {name}", "tokenizer(text, add_special_tokens=False)")
    return None


def _cut(setup: Setup, written: GivenTexts, number: int, each: BatchReading) -> Fault | None:
    """A text whose first or last token is special, is read, and is cut off where the text is too long."""
    whole = written.uncut(number)
    at = -1 if setup.reads_last else 0
    if not (setup.reads_last or setup.kinds == {"first"}) or len(whole) <= len(each.ids(0)):
        return None
    if whole[at] not in setup.special or each.ids(0)[at] == whole[at]:
        return None
    token = written.tokenizer.convert_ids_to_tokens(whole[at])
    read = f"{each.texts.lines[0]}: the text has {len(whole)} tokens, and is cut to {len(each.ids(0))} on the "
    meant = f"{token}, at its end" if at else token
    change = _kept(setup, written, number, at, whole[at])
    return Fault("truncation-side", f"{read}{written.tokenizer.truncation_side}", meant, change)


def _kept(setup: Setup, written: GivenTexts, number: int, at: int, wanted: int) -> str:
    """What keeps a token when a text is cut: the other side, if a trial shows it."""
    other = copy.deepcopy(written.tokenizer)
    other.truncation_side = "left" if written.tokenizer.truncation_side == "right" else "right"
    try:
        after = read_batch(setup.trace, written.one(number, other))
        if after.ids(0)[at] == wanted:
            return f"tokenizer.truncation_side = {other.truncation_side!r}"
    except ArchtraceError:  # what the model refuses keeps nothing
        pass
    return "shorten the text before its special tokens are added"
