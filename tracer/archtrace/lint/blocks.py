"""The second sieve: of a file, only the functions and methods that can matter are left; the others become empty lines.

Parsing is most of the work, and a large file is mostly functions that no rule has anything to say of. A function may
call helpers of its module, so it is judged together with those that it names, and they stay with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from archtrace.lint.helpers import LINES
from archtrace.lint.needs import NEEDS, Needs, holds

_TOP = re.compile(rb"\n(?=[A-Za-z_@])")
_METHOD = re.compile(rb"\n(?=    (?:@|def |async def |class ))")
_HEAD = re.compile(rb"(?:    )?(?:async\s+def|def|class)\s+(\w+)")
_CALL = re.compile(rb"\b([A-Za-z_]\w*)\(")

#: Methods that every class has: a call of one is no call of a helper.
_COMMON = frozenset((b"forward", b"__init__", b"call", b"__call__"))


#: Lines of a helper that is small enough to be followed, with room for its decorators.
_SMALL = LINES + 10


class Piece(NamedTuple):
    """Lines of a file: a function or method with its decorators, by its name; anything else has no name."""

    name: bytes
    text: bytes

    @property
    def emptied(self) -> bytes:
        """As many lines, and nothing in them; a method leaves `pass`, so that its class still has a body."""
        rest = b"\n" * self.text.count(b"\n")
        return b"    pass" + rest if self.text.startswith(b"    ") else rest


#: What a function can say for the whole module.
_SAID = b"padding_side"


def thinned(source: bytes, codes: Sequence[str]) -> bytes:
    """The source without the functions that can interest none of the rules; lines keep their numbers."""
    if not all(NEEDS[code].local for code in codes):
        return source
    pieces = list(_pieces(source))
    kept = {n for code in codes for n in _mattering(pieces, NEEDS[code])}
    kept |= {n for n, piece in enumerate(pieces) if _SAID in piece.text}
    named: dict[bytes, list[int]] = {}
    for number, piece in enumerate(pieces):
        if piece.name and piece.name not in _COMMON and piece.text.count(b"\n") <= _SMALL:
            named.setdefault(piece.name, []).append(number)
    todo = list(kept)
    while todo:
        called = {n for name in set(_CALL.findall(pieces[todo.pop()].text)) for n in named.get(name, ())} - kept
        kept |= called
        todo += called
    return b"".join(p.text if n in kept or not p.name else p.emptied for n, p in enumerate(pieces))


def _mattering(pieces: Sequence[Piece], needs: Needs) -> Iterator[int]:
    """The pieces that hold the words of a rule, alone or with a helper that makes what the rule is after."""
    makers = [p for p in pieces if p.name and p.name not in _COMMON and holds(p.text, needs.groups[:1])]
    for number, piece in enumerate(pieces):
        if holds(piece.text, needs.groups):
            yield number
        elif piece.name and makers:
            around = b"".join(m.text for m in makers if m.name + b"(" in piece.text)
            if around and holds(piece.text + around, needs.groups):
                yield number


def _pieces(source: bytes) -> Iterator[Piece]:
    """The source, cut at the functions of the module and the methods of its classes."""
    for top in _cut(source, _TOP):
        if not top.name or b"class " + top.name not in top.text:
            yield top
            continue
        head, *methods = _cut(top.text, _METHOD)
        yield head if not methods else Piece(b"", head.text)
        yield from methods


def _cut(source: bytes, where: re.Pattern[bytes]) -> Iterator[Piece]:
    """Cut before each place; decorators stay with what they decorate, and a string is not cut in two."""
    starts = [0, *(m.end() for m in where.finditer(source)), len(source)]
    begin = 0
    for start, end in pairwise(starts):
        head = _HEAD.match(source, start)
        if head or source[begin : begin + 5].lstrip()[:1] != b"@":
            text = source[begin:end]
            yield Piece(head.group(1) if head and _whole(text) else b"", text)
            begin = end
    if begin < len(source):
        yield Piece(b"", source[begin:])


def _whole(text: bytes) -> bool:
    """No string begins here and ends elsewhere: what looks like a function may stand in a string."""
    return text.count(b'"""') % 2 == 0 and text.count(b"'''") % 2 == 0
