"""The second sieve: of a source, only the functions and methods that can matter are left.

Making a tree and following it are most of the work, and a large file is mostly functions that no rule has anything to
say of. So a source is cut by its text, before there is a tree. A function may call helpers of its module, so it is
judged together with those that it names, and they stay with it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from archtrace_lint.source.import_resolver import LINES
from archtrace_lint.source.prefilter import NEEDS, Needs, Spelling, holds

#: Methods that every class has: a call of one is no call of a helper.
_COMMON = frozenset((b"forward", b"__init__", b"call", b"__call__"))

#: Lines of a helper that is small enough to be followed, with room for its decorators.
_SMALL = LINES + 10

#: What a function can say for the whole module, whatever the rule.
_SAID = (b"padding_side",)

#: Where a statement begins at the margin. What else stands there, a comment or a bracket, belongs to the one above.
_MARGIN = re.compile(rb"\n(?=[A-Za-z_@\x80-\xff])")
#: The first method of a class: it tells how deep the others stand, also where the class stands in no class.
_METHOD = re.compile(rb"\n([ \t]+)(?=(?:async )?def )")
#: A function or a class, whose name is not followed by prose.
_MADE = re.compile(rb"[ \t]*(?:(?:async )?def +([\w\x80-\xff]+) *[(\[]|class +([\w\x80-\xff]+) *[:(\[])")


class Piece(NamedTuple):
    """A function, a method or a class without methods, by its name; anything else has no name. Where it stands."""

    name: bytes
    start: int
    end: int
    is_class: bool = False

    @property
    def helps(self) -> bool:
        """Whether calls of it can be told from calls of others."""
        return bool(self.name) and self.name not in _COMMON


class SourcePieces(NamedTuple):
    """A source in UTF-8, and what it is cut into, in order and without gaps."""

    source: bytes
    cut: list[Piece]
    starts: list[int]

    def text(self, number: int) -> bytes:
        """The lines of a piece."""
        return self.source[self.cut[number].start : self.cut[number].end]

    def holding(self, words: Iterable[bytes | Spelling]) -> set[int]:
        """The pieces in which a word begins. The source is searched once a word, not piece by piece."""
        return {number for word in words for number in self._holding(word)}

    def _holding(self, word: bytes | Spelling) -> Iterator[int]:
        find = partial(self.source.find, word) if isinstance(word, bytes) else partial(word.find, self.source)
        at = find(0)
        while at >= 0:
            number = bisect_right(self.starts, at) - 1
            yield number
            at = find(self.cut[number].end)


def thin(source: bytes, codes: Sequence[str], imported: Mapping[bytes, bytes] | None = None) -> bytes:
    """A source in UTF-8 without the functions that can interest none of the rules; empty where none interests any.

    Lines stay where they are. `imported`: the texts of helpers in other files, by the names that they are called by.
    What stands at the margin within a string is taken for a statement: at worst, what is left does not parse.
    """
    if not all(NEEDS[code].local for code in codes):
        return source
    pieces = _pieces(source)
    said = {*_SAID, *(word for code in codes for word in NEEDS[code].said)}
    mattering = pieces.holding(said).union(*(_mattering(pieces, NEEDS[code], imported or {}) for code in codes))
    if not mattering:
        return b""
    kept = _with_helpers(mattering, pieces)
    return b"".join(
        _emptied(pieces.text(n)) if piece.name and n not in kept else pieces.text(n)
        for n, piece in enumerate(pieces.cut)
    )


def _emptied(text: bytes) -> bytes:
    """As many lines, with a statement that does nothing: a class must have one.

    A piece in which a string of many lines ends or begins stays as it is: without it, that string would go on.
    """
    if any(text.count(quotes) % 2 for quotes in (b'"""', b"'''")):
        return text
    return text[: len(text) - len(text.lstrip(b" \t"))] + b"pass" + b"\n" * text.count(b"\n")


def _mattering(pieces: SourcePieces, needs: Needs, imported: Mapping[bytes, bytes]) -> Iterator[int]:
    """The pieces that hold the words of a rule, alone or with a helper that makes what the rule is after."""
    making = pieces.holding(needs.groups[0])
    yield from (n for n in making if holds(pieces.text(n), needs.groups[1:]))
    for name, text in imported.items():
        if holds(text, needs.groups[:1]):
            calls = pieces.holding((name + b"(",))
            yield from (n for n in calls if holds(pieces.text(n) + text, needs.groups))
    callers: dict[int, list[int]] = {}
    for maker in making:
        if pieces.cut[maker].helps:
            for caller in pieces.holding((pieces.cut[maker].name + b"(",)):
                callers.setdefault(caller, []).append(maker)
    for caller, makers in callers.items():
        if holds(b"".join(map(pieces.text, (caller, *makers))), needs.groups):
            yield caller


def _with_helpers(kept: set[int], pieces: SourcePieces) -> set[int]:
    """These pieces, the helpers that they call, and those that these call."""
    named: dict[bytes, list[int]] = {}
    for number, piece in enumerate(pieces.cut):
        if piece.helps and pieces.source.count(b"\n", piece.start, piece.end) <= _SMALL:
            named.setdefault(piece.name + b"(", []).append(number)
    todo = list(kept)
    while todo:
        text = pieces.text(todo.pop())
        called = {n for call, numbers in named.items() if call in text for n in numbers} - kept
        kept |= called
        todo += called
    return kept


def _pieces(source: bytes) -> SourcePieces:
    """The module, cut at its functions and the methods of its classes."""
    cut = [piece for whole in _cut(source, _MARGIN, 0, len(source)) for piece in _methods(source, whole)]
    return SourcePieces(source, cut, [piece.start for piece in cut])


def _methods(source: bytes, whole: Piece) -> Iterator[Piece]:
    """A class with methods is cut at these; what stands above them is no function, and has no name."""
    first = _METHOD.search(source, whole.start, whole.end) if whole.is_class else None
    if first is None:
        yield whole
        return
    begins = re.compile(rb"\n(?=" + first[1] + rb"[A-Za-z_@\x80-\xff])")
    head, *parts = _cut(source, begins, whole.start, whole.end)
    yield head._replace(name=b"")
    yield from parts


def _cut(source: bytes, begins: re.Pattern[bytes], start: int, end: int) -> Iterator[Piece]:
    """A part of a source, cut where statements begin; decorators belong to what they decorate."""
    made = start
    for found in begins.finditer(source, start, end):
        if source[made : found.end()].lstrip()[:1] != b"@":
            yield _piece(source, start, made, found.end())
            start = found.end()
        made = found.end()
    yield _piece(source, start, made, end)


def _piece(source: bytes, start: int, made: int, end: int) -> Piece:
    """A piece whose decorators end where it is `made`."""
    found = _MADE.match(source, made, end)
    name = (found[1] or found[2]) if found else b""
    return Piece(name, start, end, is_class=bool(found and found[2]))
