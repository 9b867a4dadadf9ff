"""Files to violations: each is parsed once; those that hold the words of a rule are followed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from archtrace_lint.source.parse import must_parse, uncollected
from archtrace_lint.source.prefilter import NEEDS, Needs, holds, wanted
from archtrace_lint.violation import Edit, Violation

if TYPE_CHECKING:
    from archtrace_lint.source.import_resolver import Beside, Files


def check_source(
    path: str, source: bytes | str, codes: Collection[str] | None = None, asked: Files | None = None
) -> list[Violation]:
    """What the rules of these codes (all of them, unless given) say of one file, in the order of its lines.

    `asked` takes in the other files that were looked for on the way, as they were: the answer may hang on each.
    Raises UnreadableError for a file that is no Python.
    """
    data, coding = (source.encode("utf-8", "replace"), "utf-8") if isinstance(source, str) else (source, None)
    known = NEEDS if codes is None else {code: needs for code, needs in NEEDS.items() if code in codes}
    codes = wanted(data, known)
    beside = _beside(path, asked) if codes or _speaks(data) else None
    if beside:
        helpers = b"\n".join(beside.helpers(data).values())
        codes = [code for code, needs in known.items() if code in codes or _with(data, helpers, needs)]
    with uncollected():
        if codes:
            return _followed(path, data, codes, coding, beside)
        must_parse(path, data, coding)
        return []


def _speaks(data: bytes) -> bool:
    """A file may read by a helper that it imports: most files speak of no masks."""
    return b"mask" in data and b"import" in data


def _beside(path: str, asked: Files | None) -> Beside:
    from archtrace_lint.source.import_resolver import Beside

    return Beside(path, {} if asked is None else asked)


def _with(data: bytes, helpers: bytes, needs: Needs) -> bool:
    """A file holds the words of a rule together with what its helpers in other files make."""
    return needs.local and holds(helpers, needs.groups[:1]) and holds(data + helpers, needs.groups)


def _followed(
    path: str, data: bytes, codes: Sequence[str], coding: str | None, beside: Beside | None
) -> list[Violation]:
    """What the rules say of a file that holds their words."""
    from archtrace_lint.dataflow.follow import followed
    from archtrace_lint.placement import placed
    from archtrace_lint.rules import rule

    text, module = followed(path, data, codes, coding, beside)
    findings = [(code, finding) for code in codes for finding in rule(code).check(module)]
    lines = text.split("\n") if findings else []
    told = (placed(code, finding, module, lines) for code, finding in findings)
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
    from archtrace_lint.source.apply_edits import mended

    return mended(source, chosen)
