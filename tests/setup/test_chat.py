"""Conversations: what is read of what a chat template writes is what a gradient says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from checkpoints import llama_bytes
from real_setups import loaded, set_up, tokens_read

from archtrace.answer.diagnosis import Diagnosis
from archtrace.setup.examination import SAMPLES, examine

#: How conversations are written: with an end of turn that is a token, with one that is none, with a line break behind.
ENDED = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}{{ eos_token }}{% endfor %}"
MARKED = "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endfor %}"
BROKEN_LINE = "{% for m in messages %}{{ m['content'] }}{{ eos_token }}\n{% endfor %}"
BEGUN = "{{ bos_token }}" + ENDED
REFUSING = "{{ raise_exception('a system turn is missing') }}"
TEXTS = ("a fine film", "dull")


def chatting(template: str, end_is_pad: bool, folder: Path) -> Path:
    """A Llama whose tokenizer has a chat template, and pads with the end of a turn or not."""

    def talk(model: Any, tokenizer: Any) -> None:
        tokenizer.chat_template = template
        if end_is_pad:
            tokenizer.pad_token = tokenizer.eos_token
            model.config.pad_token_id = tokenizer.eos_token_id

    return set_up("llama", talk, folder)


def read(folder: Path) -> str:
    """The token of an exchange of two samples that a real run reads."""
    model, tokenizer = loaded(folder)
    said = [{"role": role, "content": text} for role, text in zip(("user", "assistant"), SAMPLES, strict=False)]
    batch = tokenizer.apply_chat_template(said, return_tensors="pt", return_dict=True)
    ((token,),) = tokens_read(model, tokenizer, batch)
    return str(tokenizer.convert_tokens_to_string([token])).strip() or token


@pytest.mark.parametrize(
    ("template", "end_is_pad"), [(ENDED, False), (ENDED, True), (MARKED, False), (BROKEN_LINE, True)]
)
def test_the_end_of_a_conversation_is_read_or_told(template: str, end_is_pad: bool, tmp_path: Path) -> None:
    folder = chatting(template, end_is_pad, tmp_path)
    found, token = examine(str(folder)), read(folder)
    closing = {ENDED: "</s>", MARKED: ">", BROKEN_LINE: "Ċ"}[template]
    assert found.opinion == ("right" if token == closing else "wrong"), found
    assert f"is read at {token} (" in found.notes[0]
    assert [fault.code for fault in found.faults] == ([] if token == closing else ["pad-is-end"])


def test_who_gives_texts_that_are_no_conversation_is_told_and_not_blamed(tmp_path: Path) -> None:
    found = examine(str(chatting(ENDED, True, tmp_path)), text=TEXTS)
    assert found.opinion == "right"
    assert any("the </s> (" in note and "is the pad token" in note for note in found.notes)


def told(template: str, folder: Path) -> Diagnosis:
    return examine(str(chatting(template, False, folder)), text=TEXTS)


def test_what_is_no_fault_is_noted(tmp_path: Path) -> None:
    marked, pieces = told(MARKED, tmp_path / "marked").notes, llama_bytes().tokenize("<|end|>")
    assert f"<|end|>, the end of a turn in the chat template, is not one token but {len(pieces)}" in marked
    begun = told(BEGUN, tmp_path / "begun")
    assert begun.opinion == "right"
    assert "tokenizer.truncation_side = 'left' keeps it" in begun.notes[1]
    assert begun.notes[2].startswith("the chat template writes <s>, and tokenizer(...) adds it again")


def test_a_template_that_refuses_is_no_failure_of_the_doctor(tmp_path: Path) -> None:
    found = told(REFUSING, tmp_path)
    assert (found.opinion, "a system turn is missing" in found.notes[0]) == ("right", True)
