"""Formats of a check: one file a format, `to_NAME.py`, each with `render(result, settings)`."""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from archtrace_reports.check.problem import CheckResult
from archtrace_reports.check.settings import Settings

#: Every file of this folder; listing it would cost each start.
NAMES = ("concise", "full", "github", "gitlab", "json", "sarif", "text")


class CheckFormat(Protocol):
    """What a file here offers."""

    def render(self, result: CheckResult, settings: Settings) -> str:
        """The whole text; empty where there is nothing to say, unless the format must say that."""


def load(name: str) -> CheckFormat:
    """The format of that name."""
    return cast(CheckFormat, import_module(f"{__name__}.to_{name}"))
