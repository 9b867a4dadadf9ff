"""Codes: those that a check may report; --select, --ignore and the settings name one, or the beginning of several."""

from __future__ import annotations

import re
from collections.abc import Iterable

from archtrace.errors import TargetError, close_names
from archtrace_reports.check.problem import OWN

#: A number with fewer digits than a code has.
_SHORT = re.compile(r"(?:AT)?-?(\d{1,2})")


def known() -> tuple[tuple[str, str], ...]:
    """Every code that a check may report, with its name."""
    from archtrace.contract.rules import rules as graph_rules
    from archtrace_lint import rules

    named = {rule.code: rule.name for rule in rules()} | {rule.code: rule.name for rule in graph_rules()}
    return tuple(sorted({**OWN, **named}.items()))


def codes(given: Iterable[str], where: str) -> tuple[str, ...]:
    """Codes as people write them, apart by commas or spaces.

    Raises TargetError for one that no finding can have: a misspelt code in --select would call every file clean.
    """
    wanted = tuple(code for text in given for code in text.upper().replace(",", " ").split())
    if any(code != "AT" for code in wanted):
        _refuse_unknown(wanted, where)
    return wanted


def code_named(text: str) -> str | None:
    """The code that a text names: the code itself, in small letters, with a zero too few, or the name of its rule."""
    names = dict(known())
    named = {name: code for code, name in names.items()}
    written = _SHORT.fullmatch(text.upper())
    code = f"AT{int(written[1]):03}" if written else text.upper()
    return code if code in names else named.get(text.lower().replace("_", "-"))


def near(text: str, among: Iterable[str]) -> str | None:
    """The code that a text may be a misspelling of, or the name of its rule."""
    codes_of = {code: code for code in among} | {name: code for code, name in known()}
    return code_named(text) or next((codes_of[name] for name in close_names(text, codes_of, 1)), None)


def _refuse_unknown(given: Iterable[str], where: str) -> None:
    from archtrace_lint import RESERVED, RETIRED

    all_codes = [*(code for code, _ in known()), *RESERVED, *RETIRED]
    for code in given:
        if not any(known_code.startswith(code) for known_code in all_codes):
            guess = near(code, all_codes)
            hint = f"did you mean {guess}?" if guess else "archtrace explain lists them"
            raise TargetError(f"{where}: there is no code {code}; {hint}")
