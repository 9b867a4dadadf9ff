"""The tables of servers: what is read off their sources, with version and place (servers/*.toml)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TypedDict, cast

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


class ServerTable(TypedDict):
    """The fields of the tables; each server has those that its pooling depends on.

    Lists hold architectures, or model types; `pools`, `adapted` and `backend` group them by pooling, `fields` names the
    field of the config that decides, and `mean_if` such a field beside the class that it chooses.
    """

    version: str
    pools: Mapping[str, list[str]]
    adapted: Mapping[str, list[str]]
    backend: Mapping[str, list[str]]
    fields: Mapping[str, str]
    mean_if: Mapping[str, tuple[str, str]]
    other: list[str]
    suffixes: list[str]
    experts: list[str]
    embeds_unasked: list[str]
    classifies: list[str]
    embeds: list[str]
    cls_by_default: str
    ranks: list[str]
    reads_modules: list[str]


@cache
def table(server: str) -> ServerTable:
    """The table of a server."""
    return cast(ServerTable, tomllib.loads((_FOLDER / f"{server}.toml").read_text(encoding="utf-8")))


def listed_kind(poolings: Mapping[str, list[str]], architecture: str) -> KindName | None:
    """The kind under whose pooling an architecture is listed_kind; None where it is not."""
    return next((POOLINGS[name.lower()] for name, names in poolings.items() if architecture in names), None)
