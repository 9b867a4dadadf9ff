"""Absurd configs are refused before anything is built: building 10^9 layers would never end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from archtrace.errors import refusal

#: Names of fields -> the least and the greatest value that a model can mean; the first pattern that matches counts.
#: Layers cost time and memory each; other sizes cost none until a buffer is as long.
_LIMITS: tuple[tuple[re.Pattern[str], int, int], ...] = (
    (re.compile(r"(^|_)(layers?|depths?|blocks|stages)$|block_sizes$"), 0, 2_000),
    (re.compile(r"(^|_)(labels|experts)$"), 0, 100_000),
    (re.compile(r"(^|_)(sizes?|dims?|heads?|channels|embd|inner|d_model|d_ff|ffn_dim)$"), 0, 2**26),
    (re.compile(r"(^|_)(embeddings|positions)$"), -1, 2**26),
)


def check(fields: Mapping[str, object], where: str) -> None:
    """TargetError for the first number that no model can mean; nested fields count too."""
    for name, value in _integers("", fields):
        low, high = _range(name)
        if not low <= value <= high:
            raise refusal(
                f"the config cannot be built: {name} = {value}",
                where=where,
                why=f"{name} must lie between {low} and {high}",
                do="correct the value",
            )


def _range(name: str) -> tuple[float, float]:
    last = re.sub(r"\[\d+\]", "", name).rsplit(".", 1)[-1]
    return next(((low, high) for pattern, low, high in _LIMITS if pattern.search(last)), (-(2**63), 2**63))


def _integers(path: str, value: object) -> Iterator[tuple[str, int]]:
    if isinstance(value, int) and not isinstance(value, bool):
        yield path, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _integers(f"{path}.{name}".lstrip("."), inner)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value[:5_000]):
            yield from _integers(f"{path}[{number}]", inner)
