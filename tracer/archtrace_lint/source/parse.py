"""Source to syntax tree, without warnings; a file that does not parse is an UnreadableError that says where and why.

Almost nothing is imported here: most files contain none of the words of the rules, and only have to parse.
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

    A symbol table takes two thirds of the time of a tree. It decodes bytes as Python does, and rejects more than the
    parser, such as a duplicate argument; what it rejects is parsed, so that the parser decides.
    """
    import symtable

    try:
        text = data.decode()  # symtable itself ignores invalid bytes in comments
        with _without_warnings():
            symtable.symtable(data if coding is None else text, path, "exec")  # type: ignore[arg-type]
    except REFUSED:
        from archtrace_lint.source.decode import decoded

        parsed(path, decoded(path, data, coding))  # has the better message, or accepts another coding


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
    """Compile to a tree. Its warnings concern the author of the file, not whoever checks it."""
    with _without_warnings():
        tree: ast.Module = compile(source, path, "exec", ONLY_AST, dont_inherit=True)
        return tree


@contextmanager
def _without_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def without_collection() -> Iterator[None]:
    """Pause the garbage collector.

    A tree consists of many small objects that all stay alive: the collector would scan them again and again, for a
    fifth of the parsing time.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
