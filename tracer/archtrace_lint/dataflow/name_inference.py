"""What a name is, inferred from its context.

By the calls of its function: `attention_mask=m` makes `m` a mask, before and after. By the other parameters:
`response_hidden` and `response_mask` explain each other, and so do a query and the mask beside it."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator

from archtrace_lint.dataflow.abstract_values import AbstractValues, Hidden, TokenIds, Tokens, singleton
from archtrace_lint.dataflow.architectures import name_pattern
from archtrace_lint.dataflow.spellings import BACKBONES, NO_TEXT, TEXT_MODELS
from archtrace_lint.source.syntax import last_word

#: Keyword of a call -> what a name passed by that keyword is.
KEYWORDS: dict[str, AbstractValues] = {
    "attention_mask": singleton(Tokens(attended=True)),
    "input_ids": singleton(TokenIds()),
    "key_padding_mask": singleton(Tokens(attended=False)),
    "src_key_padding_mask": singleton(Tokens(attended=False)),
}

#: Masks of another shape than (batch, tokens).
_NO_TOKEN_MASK = re.compile(r"\w*(causal|extended|head|bias|4d|square)\w*")

#: Keyword arguments that reveal a name; each pattern begins with a literal word, which makes the search fast.
_BY_KEYWORD = (
    re.compile(r"attention_mask ?= ?(?!None|\w*attention_mask\b|causal_mask|extended|head)[A-Za-z]\w*\s*[,)]"),
    re.compile(r"input_ids ?= ?(?!None|\w*input_ids\b)[A-Za-z]\w*\s*[,)]"),
    re.compile(r"key_padding_mask ?= ?(?!None|\w*key_padding_mask\b)[A-Za-z]\w*\s*[,)]"),
)
_MASKS = re.compile(r"masks?\w*[,)]")
_BY_POSITION = re.compile(
    rf"(({name_pattern('encoders')})\w*|model|encoder|backbone|transformer|lm)\(\s*\w+,\s*(\w+,\s*)?"
    r"(?!attention_mask\b)\w*mask"
)


def inference_lines(text: str) -> list[int]:
    """The lines with a call that reveals what a name is; a function without one needs no second walk."""
    offsets = [match.start() for pattern in _BY_KEYWORD for match in pattern.finditer(text)]
    offsets += [match.start() for match in _MASKS.finditer(text) if _BY_POSITION.search(_line(text, match.start()))]
    return [text.count("\n", 0, start) + 1 for start in offsets]


def _line(text: str, at: int) -> str:
    """The line up to a place, and what belongs to its word."""
    return text[text.rfind("\n", 0, at) + 1 : at + 6]


def inferred_from_calls(body: list[ast.stmt]) -> dict[str, AbstractValues]:
    """What the names of a function are by the calls in it."""
    calls = (node for statement in body for node in ast.walk(statement) if isinstance(node, ast.Call))
    return {name: values for call in calls for name, values in _inferred_from(call)}


def _inferred_from(call: ast.Call) -> Iterator[tuple[str, AbstractValues]]:
    for keyword in call.keywords:
        name = keyword.value.id if isinstance(keyword.value, ast.Name) else ""
        if name and keyword.arg in KEYWORDS and not _NO_TOKEN_MASK.fullmatch(name):
            yield name, KEYWORDS[keyword.arg]
    yield from _by_position(call)


def _by_position(call: ast.Call) -> Iterator[tuple[str, AbstractValues]]:
    """`self.bert(x, mask)`: an old BERT takes the mask third, a new one second, and the name tells which it is."""
    callee = last_word(call.func)
    names = [a.id for a in call.args if isinstance(a, ast.Name)]
    masks = [name for name in names[1:] if "mask" in name and not _NO_TOKEN_MASK.fullmatch(name)]
    # A decoder layer or an attention takes masks of other shapes.
    if not masks or not BACKBONES.fullmatch(callee):
        return
    yield masks[0], KEYWORDS["attention_mask"]
    if TEXT_MODELS.fullmatch(callee):
        yield names[0], KEYWORDS["input_ids"]


_STATES = re.compile(
    r"(?P<stem>[a-z]\w*?)_(hiddens?|(hidden_)?states?|outputs?|out|features?|feats?|embeds?|embeddings?|emb|sequence|encoded)"
)
#: Stems that name a part of a model: `attention_output` and `attention_mask` are no pair.
_PART_STEMS = re.compile(r"(att\w*|attn|head|layer|block|key|pad\w*|causal|\w*logits?)(_\w*)?")
_QUERY = ("query", "key", "value")


def inferred_from_parameters(names: Collection[str]) -> dict[str, AbstractValues]:
    """What the parameters of a function are, where the names of two of them explain each other."""
    return {name: values for inferred in (*_by_stem(names), *_by_query(names)) for name, values in inferred.items()}


def _by_stem(names: Collection[str]) -> Iterator[dict[str, AbstractValues]]:
    for name in names:
        stem = match["stem"] if (match := _STATES.fullmatch(name)) else ""
        mask = next((m for m in (f"{stem}_mask", f"{stem}s_mask", f"{stem}_masks") if m in names), "")
        if stem and mask and not _PART_STEMS.fullmatch(stem) and not NO_TEXT.search(stem):
            yield {name: singleton(Hidden(sure=True)), mask: singleton(Tokens(attended=True))}


def _by_query(names: Collection[str]) -> Iterator[dict[str, AbstractValues]]:
    """The query of an attention module that is given a mask over tokens."""
    if all(name in names for name in _QUERY) and ("attention_mask" in names or "mask" in names):
        yield {"query": singleton(Hidden(sure=True))}
