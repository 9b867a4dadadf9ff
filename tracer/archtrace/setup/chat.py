"""Chat: what the model reads of a conversation that the tokenizer's chat template renders."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass

from archtrace.answer.diagnosis import Fault
from archtrace.errors import ArchtraceError
from archtrace.setup.batch_reading import BatchReading, read_batch
from archtrace.setup.model_and_input import Setup
from archtrace.setup.single_texts import skipped_end
from archtrace.targets.tokenized import NO_LIMIT, TextTokenizer, encoded

#: The form of markers that should be one token: <|im_end|>, </s>, [/INST].
_MARKER = re.compile(r"<[^<>\s]+>|\[[^\[\]\s]+\]")


@dataclass(frozen=True)
class ChatFindings:
    """The faults of a conversation, and notes on it."""

    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()


def examine_chat(setup: Setup) -> ChatFindings:
    """What the model reads of one exchange between a user and an assistant; nothing without a template.

    The template is data of the tokenizer: transformers renders it in a sandbox of jinja, and no code is run.
    """
    given = setup.texts
    if given is None or not getattr(given.tokenizer, "chat_template", None):
        return ChatFindings()
    question, answer = (*sorted(given.texts, key=len), *given.texts)[:2]
    conversation = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    tokenizer = copy.deepcopy(given.tokenizer)
    tokenizer.model_max_length = NO_LIMIT
    try:
        text = str(tokenizer.apply_chat_template(conversation, tokenize=False))
    except Exception as error:  # a template may raise whatever it likes
        why = " ".join(str(error).split())[:200]
        return ChatFindings(notes=(f"the chat template fails on a question and an answer: {why}",))
    try:
        reading = read_batch(setup.trace, encoded(tokenizer, [text], special=False))
    except ArchtraceError:  # longer than the model takes: setup.length reports that
        return ChatFindings()
    if setup.has_output_per_token([reading]):  # each token is read for itself, whatever is around it
        return ChatFindings()
    notes = tuple(_notes(setup, given.tokenizer, text, text.rpartition(answer)[2], reading))
    fault = skipped_end(setup, reading) if setup.is_sure(reading) else None
    if fault is None or not given.sampled:  # whose texts are given may have no conversations at all
        return ChatFindings(notes=(*notes, *([f"in a conversation {fault.read}; {fault.change}"] if fault else [])))
    return ChatFindings((fault,), notes)


def _notes(setup: Setup, tokenizer: TextTokenizer, text: str, closing: str, reading: BatchReading) -> Iterator[str]:
    """Which token is read; an end of turn that is no single token, or is cut off; a beginning that is set twice.

    None of it is a fault of the checkpoint: what follows the last word is the same in each conversation, so that a
    classifier may well have learned to read it. Its files do not say what it was trained with.
    """
    yield f"a conversation of its chat template ends in {closing!r}, and is read at {reading.texts.words[0]}"
    marker = closing.strip()
    pieces = tokenizer(marker, add_special_tokens=False)["input_ids"] if _MARKER.fullmatch(marker) else ()
    if setup.reads_last and len(pieces) > 1:
        yield f"{marker}, the end of a turn in the chat template, is not one token but {len(pieces)}"
    limit = setup.max_length
    if setup.reads_last and closing and limit and tokenizer.truncation_side == "right":
        yield (
            f"a conversation of more than {limit} tokens is cut on the right and loses its {marker or 'end'}: "
            "tokenizer.truncation_side = 'left' keeps it"
        )
    ids = tokenizer(text)["input_ids"]
    if len(ids) > 1 and ids[0] == ids[1] and ids[0] in setup.special_ids and reading.ids(0)[:2] != ids[:2]:
        yield (
            f"the chat template writes {reading.texts.tokens[0][0]}, and tokenizer(...) adds it again: give "
            "add_special_tokens=False, or tokenizer.apply_chat_template(..., tokenize=True)"
        )
