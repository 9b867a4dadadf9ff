"""Fixes put into a source: what stands at each place must be what was found there, and nothing else changes."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from archtrace_lint.violation import Edit

_END = re.compile(r"\r\n|\r|\n")


def with_edits(source: str, fixes: Sequence[Sequence[Edit]]) -> str:
    """The source with these fixes, each whole or not at all; as it was, when what would become of it does not parse.

    Of two fixes that meet, the first is made.
    """
    chosen = set[Edit]()
    for fix in fixes:
        if not any(_overlap(edit, other) for edit in fix for other in chosen if edit != other):
            chosen |= set(fix)
    # From the end, so that an edit moves none of the places that are still to come.
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
    """The source with edits, the last first; as it was, where one does not fit. Line ends are what they were."""
    ends = [*_END.finditer(source)]
    starts = [0, *(end.end() for end in ends)]
    result = source
    for edit in edits:
        if edit.end_line > len(starts):
            return source
        start, stop = starts[edit.line - 1] + edit.col - 1, starts[edit.end_line - 1] + edit.end_col - 1
        # A file may end its lines in CRLF, an edit has them in LF; and it may be another file by now.
        if _END.sub("\n", source[start:stop]) != edit.old:
            return source
        newline = ends[edit.line - 1][0] if edit.line <= len(ends) else "\n"
        result = result[:start] + edit.text.replace("\n", newline) + result[stop:]
    return result
