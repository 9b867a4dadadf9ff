"""noqa: comments that take findings of their line away, and the codes that they name in vain."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable, Sequence
from typing import NamedTuple

_COMMENT = re.compile(r"#\s*noqa\b(?P<colon>\s*:\s*(?P<codes>[A-Z]+[0-9]+(?:[\s,]+[A-Z]+[0-9]+)*))?", re.IGNORECASE)


class Comment(NamedTuple):
    """A noqa comment: its place, and the codes that it names; none means all."""

    line: int
    col: int
    end_col: int
    codes: tuple[str, ...]

    def covers(self, code: str, line: int, end_line: int) -> bool:
        """Whether it speaks of a finding that spans these lines."""
        return line <= self.line <= end_line and (not self.codes or code in self.codes)


def comments(source: str) -> list[Comment]:
    """The noqa comments of a source; strings that look like one are none."""
    if "noqa" not in source.lower():
        return []
    comments_so_far = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            match = _COMMENT.search(token.string) if token.type == tokenize.COMMENT else None
            if match:
                codes = tuple(code.upper() for code in re.split(r"[\s,]+", match["codes"] or "") if code)
                line, col = token.start
                comments_so_far.append(Comment(line, col + match.start() + 1, col + match.end() + 1, codes))
    except (tokenize.TokenError, SyntaxError):
        return comments_so_far
    return comments_so_far


def unused(comments_given: Sequence[Comment], places: Iterable[tuple[str, int, int]]) -> list[tuple[Comment, str]]:
    """Codes of archtrace in comments on lines that have no such finding (code, line, end line).

    A comment that names AT099 asks to be left alone.
    """
    findings = list(places)
    return [
        (comment, code)
        for comment in comments_given
        if "AT099" not in comment.codes
        for code in dict.fromkeys(comment.codes)
        if code.startswith("AT") and not any(code == c and comment.covers(c, line, end) for c, line, end in findings)
    ]
