"""The registry: each file `at….py` of this folder is one rule."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archtrace_lint.rule import Rule

#: Codes reserved for a future rule -> which rule.
RESERVED: dict[str, str] = {}

#: Codes of removed rules -> why. A code is never reused.
RETIRED: dict[str, str] = {}


@cache
def _modules() -> dict[str, str]:
    """Code -> the module of the rule: `at001_pad_count_index` is AT001."""
    import pkgutil

    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return {name[:5].upper(): name for name in names if name.startswith("at")}


@cache
def rule(code: str) -> Rule:
    """The rule of a code."""
    module_rule: Rule = import_module(f"{__name__}.{_modules()[code]}").RULE
    return module_rule


def rules() -> tuple[Rule, ...]:
    """All source rules, by code."""
    return tuple(map(rule, _modules()))
