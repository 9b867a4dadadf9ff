"""What a name means by itself: `attention_mask` is a mask, `input_ids` are token ids."""

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
    only,
    singleton,
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
    """The value that a name means by itself; UNKNOWN if it means none."""
    if name in TEXT_NAMES:
        return singleton(TokenIds(weak=True))
    if PROMPTS.fullmatch(name):
        return singleton(Prompts())
    return singleton(MEANINGS.get(meaning(name)))


def refined_by_name(by_name: AbstractValues, values: AbstractValues) -> AbstractValues:
    """The values assigned to a name whose own meaning is `by_name`, which replaces unknown values.

    The name also wins over ids for a pad or eos id taken from them, and over a part of an ambiguous name
    (`ids, mask = x[0], x[2]`). A name of hidden states adds these to a model output.
    """
    if not values or (has(values, TokenIds) and (has(by_name, PadId) or has(by_name, EosId))):
        return by_name
    if (has(by_name, TokenIds) or has(by_name, Tokens)) and all(
        isinstance(v, Hidden) and v.kind == "weak" for v in values
    ):
        return by_name
    strong = [h for h in only(by_name, Hidden) if h.kind != "weak"]
    return values | frozenset(replace(h, encoding=o.encoding) for h in strong for o in only(values, ModelOutput))
