"""Source to syntax tree, once and quietly; what does not parse is an UnreadableError that says where and why.

Next to nothing is imported for it: most files hold none of the words of the rules, and only have to parse.
"""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from archtrace_lint.violation import UnreadableError

if TYPE_CHECKING:
    import ast

#: `ast.PyCF_ONLY_AST`, without `ast`.
ONLY_AST = 0x400
#: What `compile` raises for some source.
REFUSED = (SyntaxError, ValueError, LookupError, RecursionError, MemoryError)


def must_parse(path: str, data: bytes, coding: str | None = None) -> None:
    """Raise UnreadableError for a file that does not parse.

    A table of its symbols is made in two thirds of the time of a tree. It reads bytes as Python reads a file, and
    refuses more than the parser does, an argument that occurs twice, which is the parser's to judge then.
    """
    import symtable

    try:
        text = data.decode()  # of bytes, it passes over wrong ones in comments
        with _unwarned():
            symtable.symtable(data if coding is None else text, path, "exec")  # type: ignore[arg-type]
    except REFUSED:
        from archtrace_lint.source.decode import decoded

        parsed(path, decoded(path, data, coding))  # says it better, or reads another coding


def parsed(path: str, text: str) -> ast.Module:
    """The syntax tree; a text that does not parse is an UnreadableError."""
    try:
        return _tree(path, text)
    except SyntaxError as error:
        raise UnreadableError(path, error.msg, max(1, error.lineno or 1), max(1, error.offset or 1)) from None
    except (RecursionError, MemoryError):
        raise UnreadableError(path, "it is nested too deeply") from None
    except (ValueError, LookupError) as error:
        raise UnreadableError(path, str(error)) from None


def _tree(path: str, source: bytes | str) -> ast.Module:
    """Compile to a tree. The warnings that this gives are its author's to see, not ours to tell."""
    with _unwarned():
        tree: ast.Module = compile(source, path, "exec", ONLY_AST, dont_inherit=True)
        return tree


@contextmanager
def _unwarned() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def without_collection() -> Iterator[None]:
    """No garbage collection meanwhile.

    A tree is made of many small objects, all of which live: the collector goes over them again and again for nothing,
    which takes as long as a fifth of the parsing.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
