"""What people call the inputs of a forward: which of them hold tokens, which say where padding is, and of which text.

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
#: Words to which the name of a text is added. `ids` alone is said of much that is no token: users, entities.
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
#: What is learned from and no input of an answer: left out, or None where a forward requires it.
TAUGHT = re.compile(r"labels?|targets?|\w+_labels?|(start|end)_positions")


@dataclass(frozen=True)
class TextInputs:
    """The names of one text's inputs: its ids, its mask if it has one, and what is computed from that."""

    ids: str
    mask: str | None
    derived: tuple[str, ...]


def parted(name: str, words: Collection[str]) -> tuple[str, str] | None:
    """The word that a name is made with, and the text that it is of: "attention_mask_a" is the mask of "a"."""
    for word in sorted(words, key=len, reverse=True):
        if name == word:
            return word, ""
        if name.endswith(f"_{word}"):
            return word, name.removesuffix(f"_{word}")
        if name.startswith(word) and (name[len(word)] == "_" or name[len(word) :].isdigit()):
            return word, name[len(word) :].lstrip("_")
    return None


def word_of(name: str, words: Collection[str]) -> str | None:
    """The word of a table that a name is made with."""
    found = parted(name, words)
    return found[0] if found else None


def texts(names: Collection[str], required: Collection[str]) -> tuple[TextInputs, ...]:
    """The texts among the inputs of a forward; of those that it can do without, one that is called as the first is."""
    first = next((name for name in IDS if name in names), None)
    found = {} if first is None else {"": first}
    some = required if first or any(_text_of(n, names) is not None for n in required) else names
    for name in (n for n in names if n in some and n != first):
        of = _text_of(name, names)
        if of is not None:
            found.setdefault(of, name)
    return tuple(
        TextInputs(ids, _mask(of, names, number == 0), _derived(of, required, number == 0))
        for number, (of, ids) in enumerate(found.items())
    )


def _text_of(name: str, names: Iterable[str]) -> str | None:
    """Of which text these are the ids; None where they are no tokens, as far as their name tells."""
    if parted(name, COMPUTED) or TAUGHT.fullmatch(name) or parted(name, _MASKED):
        return None
    if found := parted(name, _TOKENS):
        return found[1]
    vague = parted(name, _VAGUE)
    if vague and vague[1] and _ROLE.fullmatch(vague[1]):
        return vague[1]
    own_mask = any(part[1] == name for n in names if (part := parted(n, _MASKED)))
    return name if own_mask or (len(name) > 1 and _ROLE.fullmatch(name)) else None


def _mask(of: str, names: Iterable[str], first: bool) -> str | None:
    """The mask of a text; one without the name of a text is that of the first."""
    named = [(n, part[1]) for n in names if not parted(n, COMPUTED) and (part := parted(n, _MASKED))]
    own = next((n for n, text in named if text == of), None)
    return own or (next((n for n, text in named if not text), None) if first else None)


def _derived(of: str, required: Iterable[str], first: bool) -> tuple[str, ...]:
    parts = ((n, part[1]) for n in required if (part := parted(n, COMPUTED)))
    return tuple(n for n, text in parts if text == of or (first and not text))
