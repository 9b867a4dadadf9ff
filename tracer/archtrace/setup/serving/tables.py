"""The tables of servers: what is read off their sources, with version and place (servers/*.toml)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from archtrace.answer.result import KindName

_FOLDER = Path(__file__).parent / "servers"

#: How servers call their poolings, whatever the case -> the kind. None of them pads a text, or pools its padding.
POOLINGS: Mapping[str, KindName] = {
    "cls": "first",
    "last": "last_non_pad",
    "lasttoken": "last_non_pad",
    "mean": "masked_mean",
    "avg": "masked_mean",
    "max": "max",
}


@cache
def table(server: str) -> Mapping[str, Any]:
    """The table of a server."""
    return tomllib.loads((_FOLDER / f"{server}.toml").read_text(encoding="utf-8"))


def listed(poolings: Mapping[str, list[str]], architecture: str) -> KindName | None:
    """The kind under whose pooling an architecture is listed; None where it is not."""
    return next((POOLINGS[name.lower()] for name, names in poolings.items() if architecture in names), None)
