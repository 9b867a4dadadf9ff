"""Files to violations: each is parsed once, and followed only if it contains the words of a rule."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from archtrace_lint.source.parse import must_parse, without_collection
from archtrace_lint.source.prefilter import PREFILTERS, Prefilter, contains_each, rules_to_run
from archtrace_lint.violation import Edit, Violation

if TYPE_CHECKING:
    from archtrace_lint.source.import_resolver import FileStamps, ImportResolver


def check_source(
    path: str, source: bytes | str, codes: Collection[str] | None = None, read_files: FileStamps | None = None
) -> list[Violation]:
    """The violations of the rules with these codes (all by default) in one file, in the order of its lines.

    `read_files` receives the stamps of all other files that were looked for, since the result may depend on each.
    Raises UnreadableError for a file that is no Python.
    """
    # A text may hold a lone surrogate, as the JSON of a notebook can escape one; UTF-8 has no bytes for it, a `?`
    # parses.
    data, coding = (source.encode("utf-8", "replace"), "utf-8") if isinstance(source, str) else (source, None)
    prefilters = (
        PREFILTERS if codes is None else {code: prefilter for code, prefilter in PREFILTERS.items() if code in codes}
    )
    codes = rules_to_run(data, prefilters)
    # Looking for imported helpers touches the file system, so only for files that could need one.
    resolver = _resolver(path, read_files) if codes or _may_use_imported_mask(data) else None
    if resolver:
        helpers = b"\n".join(resolver.helpers(data).values())
        codes = [
            code
            for code, prefilter in prefilters.items()
            if code in codes or _matches_with_helpers(data, helpers, prefilter)
        ]
    with without_collection():
        if codes:
            return _violations(path, data, codes, coding, resolver)
        # No rule applies, but a file that does not parse is reported in any case.
        must_parse(path, data, coding)
        return []


def _may_use_imported_mask(data: bytes) -> bool:
    """A file may compute an index in an imported helper; most files mention no mask."""
    return b"mask" in data and b"import" in data


def _resolver(path: str, read_files: FileStamps | None) -> ImportResolver:
    from archtrace_lint.source.import_resolver import ImportResolver

    return ImportResolver(path, {} if read_files is None else read_files)


def _matches_with_helpers(data: bytes, helpers: bytes, prefilter: Prefilter) -> bool:
    """A file contains the words of a rule together with its helpers in other files."""
    return (
        prefilter.per_function
        and contains_each(helpers, prefilter.groups[:1])
        and contains_each(data + helpers, prefilter.groups)
    )


def _violations(
    path: str, data: bytes, codes: Sequence[str], coding: str | None, resolver: ImportResolver | None
) -> list[Violation]:
    """The violations in a file that contains the words of these rules."""
    from archtrace_lint.dataflow.follow import follow_file
    from archtrace_lint.placement import as_violation
    from archtrace_lint.rules import rule

    text, module = follow_file(path, data, codes, coding, resolver)
    matches = [(code, match) for code in codes for match in rule(code).check(module)]
    # No splitlines, which also cuts at form feeds and at U+2028: there Python counts no new line.
    lines = text.split("\n") if matches else []
    violations = (as_violation(code, match, module, lines) for code, match in matches)
    # A helper is followed at each of its calls, and a method once more by itself: equal findings are merged.
    by_place = {(violation.code, violation.span): violation for violation in violations}
    return sorted(by_place.values(), key=lambda violation: violation.place)


def fixed(source: str, violations: Sequence[Violation]) -> str:
    """The source with the fixes of these violations; unchanged if one does not fit or the result would not parse."""
    return edited(source, [violation.fix for violation in violations])


def edited(source: str, fixes: Sequence[Sequence[Edit]]) -> str:
    """The source with these fixes, each a sequence of edits; unchanged if there are none or they do not fit."""
    chosen = [fix for fix in fixes if fix]
    if not chosen:
        return source
    from archtrace_lint.source.apply_edits import with_edits

    return with_edits(source, chosen)
