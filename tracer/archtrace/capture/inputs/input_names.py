"""The names of a forward's inputs: which of them hold tokens, which say where padding is, and of which text.

`input_ids`, `input_ids_a`, `left` beside `left_mask`, `premise`: a name is a word of a table and, in front of it or
behind it, the text that it belongs to.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

#: Ids of the only text, or the first.
IDS = ("input_ids", "inputs", "ids", "tokens", "token_ids")
MASKS = ("attention_mask", "mask", "input_mask")
#: Words to which the name of a text is added. `ids` alone names much that is no token: users, entities.
_TOKENS = ("input_ids", "token_ids", "tokens", "input_tokens")
_VAGUE = ("ids", "inputs", "input", "x")
_MASKED = (*MASKS, "attn_mask", "masks")
#: Further inputs that are computed from a mask; see archtrace.capture.inputs.layouts.DERIVED.
COMPUTED = (
    *("token_type_ids", "segment_ids", "position_ids", "lengths", "seq_lens", "sequence_lengths"),
    *("padding_mask", "key_padding_mask"),
)
#: What the texts of a pair or a triple are called.
_ROLES = (
    *("left", "right", "premise", "hypothesis", "query", "passage", "question", "answer", "context", "text"),
    *("sentence", "sent", "anchor", "positive", "negative", "pos", "neg", "source", "target", "src", "tgt"),
    *("document", "doc", "encoder", "decoder", "first", "second", "utterance", "response", "title", "body", "abstract"),
    *("claim", "evidence", "candidate", "reference", "prompt", "chosen", "rejected", "seq", "sequence", "cross"),
)
_ROLE = re.compile(rf"(?:{'|'.join(_ROLES)})_?(?:\d|[ab]|one|two)?|\d|[a-z]|one|two")
#: Inputs for training alone: left out, or None where a forward requires them.
TRAINING_ONLY = re.compile(r"labels?|targets?|\w+_labels?|(start|end)_positions")


@dataclass(frozen=True)
class TextInputs:
    """The names of one text's inputs: its ids, its mask if it has one, and what is computed from that."""

    ids: str
    mask: str | None
    derived: tuple[str, ...]


def split_name(name: str, words: Collection[str]) -> tuple[str, str] | None:
    """The word of a table in a name, and the text that the rest names: "attention_mask_a" is the mask of "a"."""
    for word in sorted(words, key=len, reverse=True):
        if name == word:
            return word, ""
        if name.endswith(f"_{word}"):
            return word, name.removesuffix(f"_{word}")
        if name.startswith(word) and (name[len(word)] == "_" or name[len(word) :].isdigit()):
            return word, name[len(word) :].lstrip("_")
    return None


def word_of(name: str, words: Collection[str]) -> str | None:
    """The word of a table in a name; None where there is none."""
    parts = split_name(name, words)
    return parts[0] if parts else None


def texts(names: Collection[str], required: Collection[str]) -> tuple[TextInputs, ...]:
    """The texts among the inputs of a forward: the one with a name of IDS, and those that are required; where there is
    neither, those that are optional."""
    first = next((name for name in IDS if name in names), None)
    ids_by_text = {} if first is None else {"": first}
    candidates = required if first or any(_text_of(n, names) is not None for n in required) else names
    for name in (n for n in names if n in candidates and n != first):
        text = _text_of(name, names)
        if text is not None:
            ids_by_text.setdefault(text, name)
    return tuple(
        TextInputs(ids, _mask(text, names, number == 0), _derived(text, required, number == 0))
        for number, (text, ids) in enumerate(ids_by_text.items())
    )


def _text_of(name: str, names: Iterable[str]) -> str | None:
    """The text whose ids an input holds; None where its name says that it holds no tokens."""
    if split_name(name, COMPUTED) or TRAINING_ONLY.fullmatch(name) or split_name(name, _MASKED):
        return None
    if parts := split_name(name, _TOKENS):
        return parts[1]
    vague = split_name(name, _VAGUE)
    if vague and vague[1] and _ROLE.fullmatch(vague[1]):
        return vague[1]
    own_mask = any(part[1] == name for n in names if (part := split_name(n, _MASKED)))
    return name if own_mask or (len(name) > 1 and _ROLE.fullmatch(name)) else None


def _mask(text: str, names: Iterable[str], first: bool) -> str | None:
    """The mask of a text; one without the name of a text is that of the first."""
    masks = [(n, part[1]) for n in names if not split_name(n, COMPUTED) and (part := split_name(n, _MASKED))]
    named = next((n for n, owner in masks if owner == text), None)
    return named or (next((n for n, owner in masks if not owner), None) if first else None)


def _derived(text: str, required: Iterable[str], first: bool) -> tuple[str, ...]:
    computed = ((n, part[1]) for n in required if (part := split_name(n, COMPUTED)))
    return tuple(n for n, owner in computed if owner == text or (first and not owner))
