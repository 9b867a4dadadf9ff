"""What is wrong with the texts one by one, without any padding."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from archtrace.answer.diagnosis import Fault
from archtrace.errors import ArchtraceError
from archtrace.setup.batch_reading import BatchReading, read_batch
from archtrace.setup.given_texts import GivenTexts
from archtrace.setup.model_and_input import Setup
from archtrace.targets.tokenized import TextTokenizer


def faults(setup: Setup, single_readings: Sequence[BatchReading]) -> Iterator[Fault]:
    """The faults of each text by itself, and a tokenizer that cannot pad texts of different length."""
    for number, reading in enumerate(single_readings):
        if setup.is_sure(reading):
            yield from filter(None, _faults_of_text(setup, number, reading))
    if not setup.given.can_pad and len({len(reading.ids(0)) for reading in single_readings}) > 1:
        yield Fault("no-pad-token", "nothing: texts of different length make no batch", "a batch", setup.pad_token_line)


def _faults_of_text(setup: Setup, number: int, reading: BatchReading) -> Iterator[Fault | None]:
    if not reading.texts.read[0]:
        yield _prompt_read(setup, reading)
        return
    yield from (_missing_cls(setup, reading), _missing_end(setup, reading), skipped_end(setup, reading))
    if setup.texts is not None:
        yield from (
            _doubled_special(setup, setup.texts, number, reading),
            _truncated_special(setup, setup.texts, number, reading),
        )


def _token_to_read(setup: Setup) -> str | None:
    """The name of the special token that a classifier is made to read; None where the tokenizer has none."""
    names = ("cls", "bos") if setup.kinds == {"first"} else ("cls",)
    return next((n for n in names if _special_id(setup, n) is not None), None)


def _special_id(setup: Setup, name: str) -> int | None:
    """The id of a special token, such as "cls"; None where the tokenizer has none."""
    special_id: int | None = getattr(setup.tokenizer, f"{name}_token_id", None)
    return special_id


def _special_token(setup: Setup, name: str | None) -> str | None:
    token: str | None = getattr(setup.tokenizer, f"{name}_token", None)
    return token


def _prompt_read(setup: Setup, reading: BatchReading) -> Fault | None:
    """A fixed index that falls on the learned vectors in front of the text, and on no token."""
    prompts: object = getattr(setup.trace.module, "prompt_tokens", None)  # as PEFT's wrapper calls them
    if not prompts or setup.kinds != {"first"}:
        return None
    token = _special_token(setup, _token_to_read(setup)) or reading.texts.tokens[0][0]
    read = "the first of the vectors that the adapter puts in front of the text, at index 0"
    change = "an adapter that puts nothing in front of the text: peft.LoraConfig(task_type='SEQ_CLS')"
    return Fault("prompt-read", read, f"{token}, the first token of the text", change)


def _missing_cls(setup: Setup, reading: BatchReading) -> Fault | None:
    """A tokenizer that has a [CLS] and does not set it: a word is read in its place."""
    name = _token_to_read(setup)
    if name is None or len(reading.texts.read[0]) != 1:
        return None
    if _special_id(setup, name) in reading.ids(0):
        return None
    read, meant = f"{reading.texts.words[0]}, a word of the text", str(_special_token(setup, name))
    return Fault("no-cls", read, meant, "tokenizer(text, add_special_tokens=True), with a template that adds it")


def _missing_end(setup: Setup, reading: BatchReading) -> Fault | None:
    """An end that the tokenizer's file promises and nothing sets: in a folder with a tokenizer.json transformers 5
    ignores `add_eos_token`, and only the template counts (tokenization_utils_base.py, `_from_pretrained`)."""
    own = setup.tokenizer
    if own is None or not setup.reads_last or own.eos_token_id in (None, reading.ids(0)[-1]) or not _promises_end(own):
        return None
    if setup.texts is None and getattr(own, "chat_template", None):  # rows may be conversations, which end otherwise
        return None
    starts, where = reading.ids(0)[0] == own.bos_token_id, str(own.name_or_path)
    line = f"tokenizer = AutoTokenizer.from_pretrained({where!r}, add_bos_token={starts}, add_eos_token=True)"
    # Once it is set, an end that is also the pad token would be skipped like padding.
    change = f"{line}; {setup.pad_token_line}" if own.eos_token_id == setup.model_pad_id else line
    read = f"{reading.texts.lines[0]}: tokenizer_config.json says add_eos_token, but no {own.eos_token} is added"
    return Fault("no-end", read, f"the {own.eos_token} that ends the text", change)


def _promises_end(tokenizer: TextTokenizer) -> bool:
    """Whether a tokenizer, or its file, says that it sets an end."""
    if getattr(tokenizer, "add_eos_token", False):
        return True
    from transformers.utils import cached_file

    try:
        file: str | None = cached_file(str(tokenizer.name_or_path), "tokenizer_config.json", local_files_only=True)
        fields: Mapping[str, object] = json.loads(Path(str(file)).read_text("utf-8"))
        return bool(fields.get("add_eos_token"))
    except (OSError, ValueError, AttributeError):  # made in Python, or its file is not on this machine
        return False


def skipped_end(setup: Setup, reading: BatchReading) -> Fault | None:
    """An end that is the pad id: a head that looks for the last token that is no padding passes over it."""
    last, read = len(reading.ids(0)) - 1, reading.texts.read[0]
    if not setup.reads_last or reading.ids(0)[last] != setup.model_pad_id or read == (last,):
        return None
    end = f"the {reading.texts.tokens[0][last]} ({last}) that ends the text"
    return Fault("pad-is-end", f"{reading.texts.lines[0]}: {end} is the pad token, so the model skips it as padding",
                 end, setup.pad_token_line)  # fmt: skip


def _doubled_special(setup: Setup, given: GivenTexts, number: int, reading: BatchReading) -> Fault | None:
    """A special token that the text has, and that the tokenizer sets once more (reward-bench 164, OpenRLHF 393).

    None for a pair, between whose texts a separator may stand twice, and where the text or the template by itself has
    the token twice.
    """
    if given.pairs is not None:
        return None
    text_ids = given.tokenizer(given.texts[number], add_special_tokens=False)["input_ids"]
    for edge in (slice(None, 2), slice(-2, None)):
        ids, own_ids = reading.ids(0)[edge], text_ids[edge]
        token = ids[0]
        if ids == [token, token] and own_ids.count(token) == 1 and token in setup.special_ids:
            name = given.tokenizer.convert_ids_to_tokens(token)
            read = f"{name} twice: the text already has one, and the tokenizer adds another"
            return Fault("special-twice", read, f"one {name}", "tokenizer(text, add_special_tokens=False)")
    return None


def _truncated_special(setup: Setup, given: GivenTexts, number: int, reading: BatchReading) -> Fault | None:
    """A special token that is read, at the start or the end of a text, and cut off because the text is too long."""
    whole = given.untruncated_ids(number)
    at = -1 if setup.reads_last else 0
    if not (setup.reads_last or setup.kinds == {"first"}) or len(whole) <= len(reading.ids(0)):
        return None
    if whole[at] not in setup.special_ids or reading.ids(0)[at] == whole[at]:
        return None
    token = given.tokenizer.convert_ids_to_tokens(whole[at])
    read = f"{reading.texts.lines[0]}: the text has {len(whole)} tokens, and is cut to {len(reading.ids(0))} on the "
    meant = f"{token}, at its end" if at else token
    change = _truncation_change(setup, given, number, at, whole[at])
    return Fault("truncation-side", f"{read}{given.tokenizer.truncation_side}", meant, change)


def _truncation_change(setup: Setup, given: GivenTexts, number: int, at: int, wanted: int) -> str:
    """How to keep a token when the text is cut: by cutting on the other side, if a trial shows that this keeps it."""
    other = copy.deepcopy(given.tokenizer)
    other.truncation_side = "left" if given.tokenizer.truncation_side == "right" else "right"
    try:
        reading = read_batch(setup.trace, given.single_batch(number, other))
        if reading.ids(0)[at] == wanted:
            return f"tokenizer.truncation_side = {other.truncation_side!r}"
    except ArchtraceError:  # what the model refuses keeps nothing
        pass
    return "shorten the text before its special tokens are added"
