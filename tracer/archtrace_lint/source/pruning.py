"""Pruning: only the functions and methods of a source that can matter to a rule are left.

Most of the time goes into parsing and following a tree, and most functions of a large file concern no rule. So the
source is cut by its text, before it is parsed. A function may call helpers of its module, so it is judged together
with those that it names, and they stay with it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from archtrace_lint.source.import_resolver import MAX_HELPER_LINES
from archtrace_lint.source.prefilter import PREFILTERS, BytePattern, Prefilter, contains_each

#: Methods that many classes have: a call by such a name does not tell which function it calls.
_COMMON_METHODS = frozenset((b"forward", b"__init__", b"call", b"__call__"))

#: Lines of a helper that is small enough to be followed, with room for its decorators.
_HELPER_LINES = MAX_HELPER_LINES + 10

#: Words with which a function matters to the whole module, whatever the rule.
_CONTEXT = (b"padding_side",)

#: Where an unindented statement begins; an unindented comment or bracket belongs to the statement above.
_MARGIN = re.compile(rb"\n(?=[A-Za-z_@\x80-\xff])")
#: The first method of a class: its indentation is that of the others.
_METHOD = re.compile(rb"\n([ \t]+)(?=(?:async )?def )")
#: A function or a class, whose name is not followed by prose.
_HEADER = re.compile(rb"[ \t]*(?:(?:async )?def +([\w\x80-\xff]+) *[(\[]|class +([\w\x80-\xff]+) *[:(\[])")


class Piece(NamedTuple):
    """A span of a source: a function, a method or a class without methods, with its name; anything else has none."""

    name: bytes
    start: int
    end: int
    is_class: bool = False

    @property
    def can_be_helper(self) -> bool:
        """Whether its name is distinctive enough to recognize calls of it."""
        return bool(self.name) and self.name not in _COMMON_METHODS


class SourcePieces(NamedTuple):
    """A source in UTF-8 and its pieces, in order and without gaps."""

    source: bytes
    parts: list[Piece]
    starts: list[int]

    def text(self, number: int) -> bytes:
        """The lines of a piece."""
        return self.source[self.parts[number].start : self.parts[number].end]

    def containing(self, patterns: Iterable[bytes | BytePattern]) -> set[int]:
        """The pieces in which a match begins. The source is searched once per pattern, not piece by piece."""
        return {number for pattern in patterns for number in self._numbers_containing(pattern)}

    def _numbers_containing(self, pattern: bytes | BytePattern) -> Iterator[int]:
        find = partial(self.source.find, pattern) if isinstance(pattern, bytes) else partial(pattern.find, self.source)
        at = find(0)
        while at >= 0:
            number = bisect_right(self.starts, at) - 1
            yield number
            at = find(self.parts[number].end)


def pruned(source: bytes, codes: Sequence[str], imported: Mapping[bytes, bytes] | None = None) -> bytes:
    """A source in UTF-8 without the functions that can interest none of the rules; empty where none interests any.

    Lines stay where they are. `imported`: the texts of helpers in other files, by the names that they are called by.
    An unindented line of a string is taken for a statement: at worst, the result does not parse.
    """
    if not all(PREFILTERS[code].per_function for code in codes):
        return source
    pieces = _pieces(source)
    context = {*_CONTEXT, *(pattern for code in codes for pattern in PREFILTERS[code].context)}
    relevant = pieces.containing(context).union(
        *(_relevant(pieces, PREFILTERS[code], imported or {}) for code in codes)
    )
    if not relevant:
        return b""
    remaining = _with_called_helpers(relevant, pieces)
    return b"".join(
        _blanked(pieces.text(n)) if piece.name and n not in remaining else pieces.text(n)
        for n, piece in enumerate(pieces.parts)
    )


def _blanked(text: bytes) -> bytes:
    """The piece replaced by `pass` and as many line ends; unchanged if a multi-line string begins or ends in it."""
    # Without its end, or its beginning, a multi-line string would swallow the next pieces.
    if any(text.count(quotes) % 2 for quotes in (b'"""', b"'''")):
        return text
    # As many lines, so that line numbers stay; and a statement, since the body of a class needs one.
    return text[: len(text) - len(text.lstrip(b" \t"))] + b"pass" + b"\n" * text.count(b"\n")


def _relevant(pieces: SourcePieces, prefilter: Prefilter, imported: Mapping[bytes, bytes]) -> Iterator[int]:
    """The pieces that contain the words of a rule, by themselves or together with a helper that they call."""
    candidates = pieces.containing(prefilter.groups[0])
    yield from (n for n in candidates if contains_each(pieces.text(n), prefilter.groups[1:]))
    for name, text in imported.items():
        if contains_each(text, prefilter.groups[:1]):
            calls = pieces.containing((name + b"(",))
            yield from (n for n in calls if contains_each(pieces.text(n) + text, prefilter.groups))
    callers: dict[int, list[int]] = {}
    for maker in candidates:
        # An index may be made in a helper and read in its caller, so that neither contains all the words.
        if pieces.parts[maker].can_be_helper:
            for caller in pieces.containing((pieces.parts[maker].name + b"(",)):
                callers.setdefault(caller, []).append(maker)
    for caller, makers in callers.items():
        if contains_each(b"".join(map(pieces.text, (caller, *makers))), prefilter.groups):
            yield caller


def _with_called_helpers(remaining: set[int], pieces: SourcePieces) -> set[int]:
    """These pieces, the helpers that they call, and those that these call."""
    by_call: dict[bytes, list[int]] = {}
    for number, piece in enumerate(pieces.parts):
        if piece.can_be_helper and pieces.source.count(b"\n", piece.start, piece.end) <= _HELPER_LINES:
            by_call.setdefault(piece.name + b"(", []).append(number)
    pending = list(remaining)
    while pending:
        text = pieces.text(pending.pop())
        helpers = {n for call, numbers in by_call.items() if call in text for n in numbers} - remaining
        remaining |= helpers
        pending += helpers
    return remaining


def _pieces(source: bytes) -> SourcePieces:
    """The module, cut at its functions and at the methods of its classes."""
    pieces = [piece for statement in _split(source, _MARGIN, 0, len(source)) for piece in _methods(source, statement)]
    return SourcePieces(source, pieces, [piece.start for piece in pieces])


def _methods(source: bytes, statement: Piece) -> Iterator[Piece]:
    """A class cut at its methods; the part above the first method has no name."""
    first = _METHOD.search(source, statement.start, statement.end) if statement.is_class else None
    if first is None:
        yield statement
        return
    begins = re.compile(rb"\n(?=" + first[1] + rb"[A-Za-z_@\x80-\xff])")
    head, *parts = _split(source, begins, statement.start, statement.end)
    yield head._replace(name=b"")
    yield from parts


def _split(source: bytes, begins: re.Pattern[bytes], start: int, end: int) -> Iterator[Piece]:
    """A part of a source cut where statements begin; a decorator stays with what it decorates."""
    header = start
    for match in begins.finditer(source, start, end):
        # A decorator is no statement by itself, so the piece continues.
        if source[header : match.end()].lstrip()[:1] != b"@":
            yield _piece(source, start, header, match.end())
            start = match.end()
        header = match.end()
    yield _piece(source, start, header, end)


def _piece(source: bytes, start: int, header: int, end: int) -> Piece:
    """The piece from `start` to `end`; `header`: where its `def` or `class` line begins, after the decorators."""
    header_match = _HEADER.match(source, header, end)
    name = (header_match[1] or header_match[2]) if header_match else b""
    return Piece(name, start, end, is_class=bool(header_match and header_match[2]))
