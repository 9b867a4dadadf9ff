"""The second sieve: of a tree, only the functions and methods that can matter are left.

Following is much of the work, and a large file is mostly functions that no rule has anything to say of. A function
may call helpers of its module, so it is judged together with those that it names, and they stay with it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from archtrace.lint.helpers import LINES
from archtrace.lint.needs import NEEDS, Needs, holds

_CALL = re.compile(rb"([A-Za-z_\x80-\xff][\w\x80-\xff]*)\(")

#: Methods that every class has: a call of one is no call of a helper.
_COMMON = frozenset((b"forward", b"__init__", b"call", b"__call__"))

#: Lines of a helper that is small enough to be followed, with room for its decorators.
_SMALL = LINES + 10

#: What a function can say for the whole module.
_SAID = b"padding_side"


_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Piece(NamedTuple):
    """A function, a method or a class without methods, by its name; anything else has no name. With its lines."""

    name: bytes
    text: bytes
    node: ast.stmt

    @property
    def helps(self) -> bool:
        """Whether calls of it can be told from calls of others."""
        return bool(self.name) and self.name not in _COMMON


def thin(tree: ast.Module, source: bytes, codes: Sequence[str]) -> None:
    """Take the functions from a tree that can interest none of the rules; `source` is its text in UTF-8."""
    if not all(NEEDS[code].local for code in codes):
        return
    pieces = list(_pieces(tree, source))
    mattering = {n for code in codes for n in _mattering(pieces, NEEDS[code])}
    mattering |= {n for n, piece in enumerate(pieces) if _SAID in piece.text}
    kept = _with_helpers(mattering, pieces)
    gone = {piece.node for n, piece in enumerate(pieces) if piece.name and n not in kept}
    for body in (tree.body, *(node.body for node in tree.body if isinstance(node, ast.ClassDef))):
        body[:] = [node for node in body if node not in gone]


def _mattering(pieces: Sequence[Piece], needs: Needs) -> Iterator[int]:
    """The pieces that hold the words of a rule, alone or with a helper that makes what the rule is after."""
    makers = [p for p in pieces if p.helps and holds(p.text, needs.groups[:1])]
    for number, piece in enumerate(pieces):
        if holds(piece.text, needs.groups):
            yield number
        elif piece.name and makers:
            around = b"".join(m.text for m in makers if m.name + b"(" in piece.text)
            if around and holds(piece.text + around, needs.groups):
                yield number


def _with_helpers(kept: set[int], pieces: Sequence[Piece]) -> set[int]:
    """These pieces, the helpers that they call, and those that these call."""
    named: dict[bytes, list[int]] = {}
    for number, piece in enumerate(pieces):
        if piece.helps and piece.text.count(b"\n") <= _SMALL:
            named.setdefault(piece.name, []).append(number)
    todo = list(kept)
    while todo:
        called = {n for name in set(_CALL.findall(pieces[todo.pop()].text)) for n in named.get(name, ())} - kept
        kept |= called
        todo += called
    return kept


def _pieces(tree: ast.Module, source: bytes) -> Iterator[Piece]:
    """The module, cut at its functions and the methods of its classes; docstrings matter to no one."""
    starts = [0, *accumulate(map(len, source.splitlines(keepends=True)))]
    for node in tree.body:
        inner = node.body if isinstance(node, ast.ClassDef) else []
        if any(map(_name, inner)):
            yield Piece(b"", source[starts[_first(node) - 1] : starts[_first(inner[0]) - 1]], node)
            yield from (_piece(part, source, starts) for part in inner if not _is_text(part))
        elif not _is_text(node):
            yield _piece(node, source, starts)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _piece(node: ast.stmt, source: bytes, starts: Sequence[int]) -> Piece:
    return Piece(_name(node), source[starts[_first(node) - 1] : starts[node.end_lineno or node.lineno]], node)


def _name(node: ast.stmt) -> bytes:
    return node.name.encode() if isinstance(node, _NAMED) else b""


def _first(node: ast.stmt) -> int:
    """The first line of a statement with its decorators."""
    decorators = getattr(node, "decorator_list", None)
    return min(node.lineno, decorators[0].lineno) if decorators else node.lineno
