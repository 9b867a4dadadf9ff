"""What a name is, learnt from what a function does with it: `attention_mask=m` makes `m` a mask, before and after."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from archtrace_lint.dataflow.abstract_values import AbstractValues, TokenIds, Tokens, one
from archtrace_lint.dataflow.architectures import spelled
from archtrace_lint.dataflow.models import last_word
from archtrace_lint.dataflow.spellings import BACKBONES, TEXT_MODELS

#: Keyword of a call -> what a name is that is handed over by it.
KEYWORDS: dict[str, AbstractValues] = {
    "attention_mask": one(Tokens(attended=True)),
    "input_ids": one(TokenIds()),
    "key_padding_mask": one(Tokens(attended=False)),
    "src_key_padding_mask": one(Tokens(attended=False)),
}

#: Masks of another shape than (batch, tokens).
_OTHER = re.compile(r"\w*(causal|extended|head|bias|4d|square)\w*")

#: Spellings that hand a name over; each begins with a word, which is what a fast search goes by.
_NAMED = (
    re.compile(r"attention_mask ?= ?(?!None|\w*attention_mask\b|causal_mask|extended|head)[A-Za-z]\w*\s*[,)]"),
    re.compile(r"input_ids ?= ?(?!None|\w*input_ids\b)[A-Za-z]\w*\s*[,)]"),
    re.compile(r"key_padding_mask ?= ?(?!None|\w*key_padding_mask\b)[A-Za-z]\w*\s*[,)]"),
)
_MASKS = re.compile(r"masks?\w*[,)]")
_PLACED = re.compile(
    rf"(({spelled('encoders')})\w*|model|encoder|backbone|transformer|lm)\(\s*\w+,\s*(\w+,\s*)?"
    r"(?!attention_mask\b)\w*mask"
)


def teaching(text: str) -> list[int]:
    """The lines that hand a name over in a way that tells what it is: functions without one cost no second walk."""
    found = [match.start() for pattern in _NAMED for match in pattern.finditer(text)]
    found += [match.start() for match in _MASKS.finditer(text) if _PLACED.search(_line(text, match.start()))]
    return [text.count("\n", 0, start) + 1 for start in found]


def _line(text: str, at: int) -> str:
    """The line up to a place, and what belongs to its word."""
    return text[text.rfind("\n", 0, at) + 1 : at + 6]


def learnt(body: list[ast.stmt]) -> dict[str, AbstractValues]:
    """What the names of a function are by the calls in it."""
    calls = (node for statement in body for node in ast.walk(statement) if isinstance(node, ast.Call))
    return {name: values for call in calls for name, values in _taught(call)}


def _taught(call: ast.Call) -> Iterator[tuple[str, AbstractValues]]:
    for keyword in call.keywords:
        name = keyword.value.id if isinstance(keyword.value, ast.Name) else ""
        if name and keyword.arg in KEYWORDS and not _OTHER.fullmatch(name):
            yield name, KEYWORDS[keyword.arg]
    yield from _by_place(call)


def _by_place(call: ast.Call) -> Iterator[tuple[str, AbstractValues]]:
    """`self.bert(x, mask)`: an old BERT takes the mask third, a new one second, and the name tells which it is."""
    callee = last_word(call.func)
    names = [a.id for a in call.args if isinstance(a, ast.Name)]
    masks = [name for name in names[1:] if "mask" in name and not _OTHER.fullmatch(name)]
    if not masks or not BACKBONES.fullmatch(callee):
        return
    yield masks[0], KEYWORDS["attention_mask"]
    if TEXT_MODELS.fullmatch(callee):
        yield names[0], KEYWORDS["input_ids"]
