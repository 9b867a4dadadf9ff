"""The registry of graph rules: each file of this folder that is called at… is one rule."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archtrace.contract.graph_rule import GraphRule


@cache
def rules() -> tuple[GraphRule, ...]:
    """All graph rules, by code."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name.startswith("at"))
    return tuple(import_module(f"{__name__}.{name}").RULE for name in names)
