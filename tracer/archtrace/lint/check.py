"""Files to violations: each is parsed once; those that hold the words of a rule are followed."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from archtrace.lint.needs import NEEDS, holds
from archtrace.lint.parse import must_parse, uncollected
from archtrace.lint.violation import Edit, Violation


def check_source(path: str, source: bytes | str, codes: Collection[str] | None = None) -> list[Violation]:
    """What the rules of these codes (all of them, unless given) say of one file, in the order of its lines.

    Raises UnreadableError for a file that is no Python.
    """
    data, coding = (source.encode("utf-8", "replace"), "utf-8") if isinstance(source, str) else (source, None)
    wanted = [code for code, needs in NEEDS.items() if (codes is None or code in codes) and holds(data, needs.groups)]
    with uncollected():
        if wanted:
            return _followed(path, data, wanted, coding)
        must_parse(path, data, coding)
        return []


def _followed(path: str, data: bytes, codes: Sequence[str], coding: str | None) -> list[Violation]:
    """What the rules say of a file that holds their words."""
    from archtrace.lint.analysis import followed
    from archtrace.lint.placed import placed
    from archtrace.lint.rules import rule

    lines, module = followed(path, data, codes, coding)
    told = (placed(code, finding, module, lines) for code in codes for finding in rule(code).check(module))
    found = {(violation.code, violation.span): violation for violation in told}
    return sorted(found.values(), key=lambda violation: violation.place)


def fixed(source: str, violations: Sequence[Violation]) -> str:
    """The source with the fixes of these violations in it; as it was, where a fix does not fit or would not parse."""
    return edited(source, [violation.fix for violation in violations])


def edited(source: str, fixes: Sequence[Sequence[Edit]]) -> str:
    """The source with these fixes, each a few edits; as it was, where there are none or they do not fit."""
    chosen = [fix for fix in fixes if fix]
    if not chosen:
        return source
    from archtrace.lint.mend import mended

    return mended(source, chosen)
