"""Chat: what is read of a conversation that the tokenizer's chat template has written."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass

from archtrace.answer.diagnosis import Fault
from archtrace.errors import ArchtraceError
from archtrace.setup.batch_reading import BatchReading, read_batch
from archtrace.setup.parts import Setup
from archtrace.setup.single_texts import skipped
from archtrace.targets.tokenized import NO_LIMIT, TextTokenizer, encoded

#: What a marker looks like that is meant to be one token: <|im_end|>, </s>, [/INST].
_MARKER = re.compile(r"<[^<>\s]+>|\[[^\[\]\s]+\]")


@dataclass(frozen=True)
class Chat:
    """Faults that a conversation has, and what is to be known of it."""

    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()


def examine_chat(setup: Setup) -> Chat:
    """What is read of one exchange between a user and an assistant; nothing without a template.

    The template is data of the tokenizer: transformers renders it in a sandbox of jinja, and no code is run.
    """
    if setup.written is None or not getattr(setup.written.tokenizer, "chat_template", None):
        return Chat()
    question, answer = (*sorted(setup.written.texts, key=len), *setup.written.texts)[:2]
    said = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    whole = copy.deepcopy(setup.written.tokenizer)
    whole.model_max_length = NO_LIMIT
    try:
        text = str(whole.apply_chat_template(said, tokenize=False))
    except Exception as error:  # a template may raise whatever it likes
        why = " ".join(str(error).split())[:200]
        return Chat(notes=(f"the chat template fails on a question and an answer: {why}",))
    try:
        found = read_batch(setup.trace, encoded(whole, [text], special=False))
    except ArchtraceError:  # longer than the model takes, which is told on its own
        return Chat()
    if setup.by_position([found]):  # each token is read for itself, whatever is around it
        return Chat()
    notes = tuple(_notes(setup, setup.written.tokenizer, text, text.rpartition(answer)[2], found))
    fault = skipped(setup, found) if setup.is_sure(found) else None
    if fault is None or not setup.written.sampled:  # of those who give texts nobody knows whether they converse
        return Chat(notes=(*notes, *([f"in a conversation {fault.read}; {fault.change}"] if fault else [])))
    return Chat((fault,), notes)


def _notes(setup: Setup, tokenizer: TextTokenizer, text: str, closing: str, found: BatchReading) -> Iterator[str]:
    """What is read, an end that is no token, one that is cut off, and a beginning that is set twice.

    None of it is a fault of the checkpoint: what follows the last word is the same in each conversation, so that a
    classifier may well learn to read it. What it was trained with, its files do not say.
    """
    yield f"a conversation of its chat template ends in {closing!r}, and is read at {found.texts.words[0]}"
    marker = closing.strip()
    pieces = tokenizer(marker, add_special_tokens=False)["input_ids"] if _MARKER.fullmatch(marker) else ()
    if setup.reads_last and len(pieces) > 1:
        yield f"{marker}, the end of a turn in the chat template, is not one token but {len(pieces)}"
    if setup.reads_last and closing and setup.limit and tokenizer.truncation_side == "right":
        yield (
            f"a conversation of more than {setup.limit} tokens is cut on the right and loses its {marker or 'end'}: "
            "tokenizer.truncation_side = 'left' keeps it"
        )
    ids = tokenizer(text)["input_ids"]
    if len(ids) > 1 and ids[0] == ids[1] and ids[0] in setup.special and found.ids(0)[:2] != ids[:2]:
        yield (
            f"the chat template writes {found.texts.tokens[0][0]}, and tokenizer(...) adds it again: give "
            "add_special_tokens=False, or tokenizer.apply_chat_template(..., tokenize=True)"
        )
