"""Formats of a check: one file a format, `to_NAME.py`, each with `render(found, settings)`."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Protocol, cast

from archtrace_reports.check.finding import Found
from archtrace_reports.check.settings import Settings


class Format(Protocol):
    """What a file here offers."""

    def render(self, found: Found, settings: Settings) -> str:
        """The whole text; empty where there is nothing to say, unless the format must say that."""


def names() -> list[str]:
    """Every format, by listing this folder."""
    return sorted(m.name.removeprefix("to_") for m in pkgutil.iter_modules(__path__) if m.name.startswith("to_"))


def load(name: str) -> Format:
    """The format of that name."""
    return cast(Format, import_module(f"{__name__}.to_{name}"))
