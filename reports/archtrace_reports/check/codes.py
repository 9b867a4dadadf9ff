"""Codes: what --select, --ignore and the settings may name: a code, or how some begin."""

from __future__ import annotations

from collections.abc import Iterable

from archtrace_reports.check.finding import OWN


def unknown(given: Iterable[str]) -> list[str]:
    """A sentence for each that is no code of ours. A misspelt code in --select would call every file clean."""
    doubtful = [code for code in given if code != "AT" and code not in OWN]
    if not doubtful:
        return []
    from archtrace.lint import RESERVED, RETIRED
    from archtrace_reports.check.one import known

    codes = [*(code for code, _ in known()), *RESERVED, *RETIRED]
    return [_sentence(code, codes) for code in doubtful if not (code and any(c.startswith(code) for c in codes))]


def _sentence(code: str, codes: list[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(code, codes, n=1)
    return f"{code!r} is no code" + (f"; did you mean {near[0]}?" if near else "; archtrace explain lists them")
