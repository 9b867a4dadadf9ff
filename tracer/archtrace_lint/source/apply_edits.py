"""Fixes applied to a source: the text at each place must still be the text that the check saw there."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from archtrace_lint.violation import Edit

_END = re.compile(r"\r\n|\r|\n")


def with_edits(source: str, fixes: Sequence[Sequence[Edit]]) -> str:
    """The source with these fixes, each applied whole or not at all; unchanged if the result would not parse.

    Of two fixes that overlap, the first is applied.
    """
    chosen = set[Edit]()
    for fix in fixes:
        if not any(_overlap(edit, other) for edit in fix for other in chosen if edit != other):
            chosen |= set(fix)
    # From the end, so that an edit does not shift the places of those still to be applied.
    result = _apply(source, sorted(chosen, reverse=True))
    try:
        ast.parse(result)
    # A MemoryError is how the parser of Python 3.11 gives up on very deep nesting (10,000 signs before a number, say).
    except (SyntaxError, RecursionError, ValueError, MemoryError):
        return source
    return result


def _overlap(edit: Edit, other: Edit) -> bool:
    """Whether two edits overlap."""
    (start, end), (begin, stop) = (((e.line, e.col), (e.end_line, e.end_col)) for e in (edit, other))
    return start < stop and begin < end


def _apply(source: str, edits: Sequence[Edit]) -> str:
    """The source with these edits, the last first; unchanged if one does not fit. Line ends keep their style."""
    ends = [*_END.finditer(source)]
    starts = [0, *(end.end() for end in ends)]
    result = source
    for edit in edits:
        if edit.end_line > len(starts):
            return source
        start, stop = starts[edit.line - 1] + edit.col - 1, starts[edit.end_line - 1] + edit.end_col - 1
        # The file may use CRLF where an edit has LF; and it may have changed since the check.
        if _END.sub("\n", source[start:stop]) != edit.old:
            return source
        newline = ends[edit.line - 1][0] if edit.line <= len(ends) else "\n"
        result = result[:start] + edit.text.replace("\n", newline) + result[stop:]
    return result
