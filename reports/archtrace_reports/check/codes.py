"""Codes: all that a check may tell, and what --select, --ignore and the settings may name: one, or how some begin."""

from __future__ import annotations

from collections.abc import Iterable

from archtrace.errors import TargetError
from archtrace_reports.check.finding import OWN


def known() -> tuple[tuple[str, str], ...]:
    """Every code that a check may tell, with its name."""
    from archtrace.contract.rules import rules as graph_rules
    from archtrace.lint import rules

    named = {rule.code: rule.name for rule in rules()} | {rule.code: rule.name for rule in graph_rules()}
    return tuple(sorted({**OWN, **named}.items()))


def codes(given: Iterable[str], where: str) -> tuple[str, ...]:
    """Codes as people write them, apart by commas or spaces.

    Raises TargetError for one that no finding can have: a misspelt code in --select would call every file clean.
    """
    found = tuple(code for text in given for code in text.upper().replace(",", " ").split())
    if any(code != "AT" for code in found):
        _refuse_unknown(found, where)
    return found


def _refuse_unknown(given: Iterable[str], where: str) -> None:
    from archtrace.lint import RESERVED, RETIRED

    all_codes = [*(code for code, _ in known()), *RESERVED, *RETIRED]
    for code in given:
        if not any(one.startswith(code) for one in all_codes):
            from difflib import get_close_matches

            near = get_close_matches(code, all_codes, n=1)
            hint = f"did you mean {near[0]}?" if near else "archtrace explain lists them"
            raise TargetError(f"{where}: there is no code {code}; {hint}")
