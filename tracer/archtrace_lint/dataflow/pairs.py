"""Arguments whose names tell of one another: `response_hidden` and `response_mask`; a query and the mask with it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from archtrace_lint.dataflow.abstract_values import AbstractValues, Hidden, Tokens, one
from archtrace_lint.dataflow.spellings import NO_TEXT

_STATES = re.compile(
    r"(?P<stem>[a-z]\w*?)_(hiddens?|(hidden_)?states?|outputs?|out|features?|feats?|embeds?|embeddings?|emb|sequence|encoded)"
)
#: Stems that name a part of a model: `attention_output` and `attention_mask` are no pair.
_OTHER = re.compile(r"(att\w*|attn|head|layer|block|key|pad\w*|causal|\w*logits?)(_\w*)?")
_QUERY = ("query", "key", "value")


def paired(names: Collection[str]) -> dict[str, AbstractValues]:
    """What the arguments of a function are, where two of them tell of one another."""
    return {name: values for found in (*_by_stem(names), *_query(names)) for name, values in found.items()}


def _by_stem(names: Collection[str]) -> Iterator[dict[str, AbstractValues]]:
    for name in names:
        stem = match["stem"] if (match := _STATES.fullmatch(name)) else ""
        mask = next((m for m in (f"{stem}_mask", f"{stem}s_mask", f"{stem}_masks") if m in names), "")
        if stem and mask and not _OTHER.fullmatch(stem) and not NO_TEXT.search(stem):
            yield {name: one(Hidden(sure=True)), mask: one(Tokens(attended=True))}


def _query(names: Collection[str]) -> Iterator[dict[str, AbstractValues]]:
    """The query of an attention module that is given a mask over tokens."""
    if all(name in names for name in _QUERY) and ("attention_mask" in names or "mask" in names):
        yield {"query": one(Hidden(sure=True))}
