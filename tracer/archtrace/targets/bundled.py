"""The bundled table: what is known about an id without a network.

`reference.toml` names families, `checkpoints.toml` looked-up fields and the short ids that the Hub redirects.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from archtrace.answer.result import Finding
from archtrace.targets import library

_TABLES = Path(__file__).parent / "tables"


@cache
def table(name: str) -> dict[str, Any]:
    """One of the tables, read once; do not change it."""
    return tomllib.loads((_TABLES / f"{name}.toml").read_text(encoding="utf-8"))


class _Checkpoint(TypedDict):
    """A checkpoint in the table."""

    model_type: str
    source: str
    config: NotRequired[dict[str, object]]
    encoder: NotRequired[list[dict[str, object]]]


@dataclass(frozen=True)
class Bundled:
    """What the table says of an id. `fields` differ from the model type's default; `source` says who says so;
    `encoder` lists what sentence-transformers puts behind it, each part its kind and its config's fields."""

    id: str
    model_type: str
    source: str = ""
    fields: Mapping[str, object] = field(default_factory=dict)
    encoder: tuple[Mapping[str, object], ...] = ()

    def findings(self) -> tuple[Finding, ...]:
        if self.source:
            return ()
        return (
            Finding(
                "family-config",
                f"{self.id} is known only by its family: the default config of {self.model_type} was traced, "
                "whose sizes and options may differ from the checkpoint's",
            ),
        )


def full_id(name: str) -> str:
    """The id that the Hub redirects a short id to; any other name as it is."""
    return _aliases().get(name, name)


def _aliases() -> Mapping[str, str]:
    aliases: dict[str, str] = table("checkpoints")["aliases"]
    return aliases


def _checkpoints() -> Mapping[str, _Checkpoint]:
    checkpoints: dict[str, _Checkpoint] = table("checkpoints")["checkpoints"]
    return checkpoints


def known_ids() -> frozenset[str]:
    """Every id and every short id in the table."""
    aliases = frozenset(short for short, full in _aliases().items() if lookup(short) or lookup(full))
    return aliases | frozenset(_checkpoints()) | frozenset(_references())


def lookup(name: str) -> Bundled | None:
    """What the table knows of an id or a short id: its fields, else its family."""
    name_in_full = full_id(name)
    facts = _checkpoints().get(name_in_full)
    if facts is not None:
        encoder = tuple(facts.get("encoder", ()))
        return Bundled(name_in_full, facts["model_type"], facts["source"], facts.get("config", {}), encoder)
    family = _references().get(name_in_full) or (_family(name_in_full) if _is_alias(name, name_in_full) else None)
    return Bundled(name_in_full, family) if family else None


def _is_alias(name: str, full: str) -> bool:
    return name != full or full in _aliases().values()


def _references() -> Mapping[str, str]:
    references: dict[str, str] = table("reference")["reference"]
    return references


def _family(full: str) -> str | None:
    """The model type whose name begins the id's: `roberta` for `FacebookAI/roberta-large-mnli`."""
    name = full.rsplit("/", maxsplit=1)[-1].lower()
    return max((t for t in library.classifiers() if name.startswith(f"{t}-")), key=len, default=None)
