"""What a name says by itself: `attention_mask` is a mask, `input_ids` are token ids."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from archtrace_lint.dataflow.abstract_values import (
    AbstractValue,
    AbstractValues,
    EosId,
    EosMask,
    Hidden,
    ModelOutput,
    PadId,
    Prompts,
    Side,
    TokenIds,
    Tokens,
    has,
    one,
    only,
)
from archtrace_lint.dataflow.spellings import PROMPTS, TEXT_NAMES, meaning

#: What a name can mean -> the value that it stands for.
MEANINGS: dict[str, AbstractValue] = {
    "pad": PadId(),
    "eos": EosId(),
    "side": Side(),
    "ids": TokenIds(),
    "padded": Tokens(attended=False),
    "attended": Tokens(attended=True),
    "hidden": Hidden(),
    "logits": Hidden("logits"),
    "weak": Hidden("weak"),
    "scores": Hidden("scores"),
    "eosmask": EosMask(),
    "outputs": ModelOutput(sure=False),
    "mask": Tokens(attended=True, weak=True),
}


@lru_cache(maxsize=4096)
def name_meaning(name: str) -> AbstractValues:
    """What a name alone says."""
    if name in TEXT_NAMES:
        return one(TokenIds(weak=True))
    if PROMPTS.fullmatch(name):
        return one(Prompts())
    return one(MEANINGS.get(meaning(name)))


def refined_by_name(by_name: AbstractValues, values: AbstractValues) -> AbstractValues:
    """What is bound to a name that says this much: the values, or what it says where they are unknown.

    A name says more than the ids out of which one was taken, than a loose name's part (`ids, mask = x[0], x[2]`), and
    than a model that returns hidden states alone.
    """
    if not values or (has(values, TokenIds) and (has(by_name, PadId) or has(by_name, EosId))):
        return by_name
    if (has(by_name, TokenIds) or has(by_name, Tokens)) and all(
        isinstance(v, Hidden) and v.kind == "weak" for v in values
    ):
        return by_name
    strong = [h for h in only(by_name, Hidden) if h.kind != "weak"]
    return values | frozenset(replace(h, encoding=o.encoding) for h in strong for o in only(values, ModelOutput))
