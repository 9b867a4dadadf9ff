"""The second sieve: of a tree, only the functions and methods that can matter are left.

Following is much of the work, and a large file is mostly functions that no rule has anything to say of. A function
may call helpers of its module, so it is judged together with those that it names, and they stay with it.
"""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate
from typing import NamedTuple

from archtrace.lint.beside import LINES
from archtrace.lint.needs import NEEDS, Needs, Spelling, holds

#: Methods that every class has: a call of one is no call of a helper.
_COMMON = frozenset((b"forward", b"__init__", b"call", b"__call__"))

#: Lines of a helper that is small enough to be followed, with room for its decorators.
_SMALL = LINES + 10

#: What a function can say for the whole module, whatever the rule.
_SAID = (b"padding_side",)

_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Piece(NamedTuple):
    """A function, a method or a class without methods, by its name; anything else has no name. Where it stands."""

    name: bytes
    start: int
    end: int
    node: ast.stmt

    @property
    def helps(self) -> bool:
        """Whether calls of it can be told from calls of others."""
        return bool(self.name) and self.name not in _COMMON


class Pieces(NamedTuple):
    """A source in UTF-8, and what it is cut into, in order; docstrings lie between."""

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
            inside = number >= 0 and at < self.cut[number].end
            if inside:
                yield number
            at = find(self.cut[number].end if inside else at + 1)


def thin(tree: ast.Module, source: bytes, codes: Sequence[str], imported: Mapping[bytes, bytes] | None = None) -> None:
    """Take the functions from a tree that can interest none of the rules; `source` is its text in UTF-8.

    `imported`: the texts of helpers in other files, by the names that they are called by.
    """
    if not all(NEEDS[code].local for code in codes):
        return
    pieces = _pieces(tree, source)
    said = {*_SAID, *(word for code in codes for word in NEEDS[code].said)}
    mattering = pieces.holding(said).union(*(_mattering(pieces, NEEDS[code], imported or {}) for code in codes))
    kept = _with_helpers(mattering, pieces)
    gone = {piece.node for n, piece in enumerate(pieces.cut) if piece.name and n not in kept}
    for body in (tree.body, *(node.body for node in tree.body if isinstance(node, ast.ClassDef))):
        body[:] = [node for node in body if node not in gone]


def _mattering(pieces: Pieces, needs: Needs, imported: Mapping[bytes, bytes]) -> Iterator[int]:
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


def _with_helpers(kept: set[int], pieces: Pieces) -> set[int]:
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


def _pieces(tree: ast.Module, source: bytes) -> Pieces:
    """The module, cut at its functions and the methods of its classes."""
    lines = [0, *accumulate(map(len, source.splitlines(keepends=True)))]
    cut = [
        Piece(_name(node), lines[first - 1], lines[last], node)
        for node, first, last in _cut(tree)
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ]
    return Pieces(source, cut, [piece.start for piece in cut])


def _cut(tree: ast.Module) -> Iterator[tuple[ast.stmt, int, int]]:
    """Statements with their first and last lines; a class that has methods without these."""
    for node in tree.body:
        inner = node.body if isinstance(node, ast.ClassDef) else []
        if any(map(_name, inner)):
            yield from ((part, _first(part), part.end_lineno or part.lineno) for part in inner)
        else:
            yield node, _first(node), node.end_lineno or node.lineno


def _name(node: ast.stmt) -> bytes:
    return node.name.encode() if isinstance(node, _NAMED) else b""


def _first(node: ast.stmt) -> int:
    """The first line of a statement with its decorators."""
    decorators = getattr(node, "decorator_list", None)
    return min(node.lineno, decorators[0].lineno) if decorators else node.lineno
