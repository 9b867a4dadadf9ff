"""Bytes of a Python file to text, as Python itself reads them: PEP 263, byte order marks, universal newlines."""

from __future__ import annotations

import io
import tokenize

from archtrace_lint.violation import UnreadableError

_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def decoded(path: str, source: bytes, coding: str | None = None) -> str:
    """The text of a file in `coding`, or else in the one that it declares; UnreadableError if that does not fit."""
    # Universal newlines, as Python reads a source: a lone CR ends a line too.
    source = source.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return exactly(path, source, coding or declared(path, source))


def exactly(path: str, source: bytes, coding: str) -> str:
    """The decoded text, with its line ends unchanged; UnreadableError if the bytes do not fit the coding."""
    try:
        return source.decode(coding)
    except UnicodeDecodeError as error:
        line, col = _place(source, error.start)
        why = f"byte 0x{source[error.start]:02x} is not {coding}; save the file as UTF-8, or declare its coding"
        raise UnreadableError(path, why, line, col) from None
    except (LookupError, UnicodeError) as error:
        raise UnreadableError(path, f"{coding} is no coding of text: {error}") from None


def declared(path: str, source: bytes) -> str:
    """The coding of a file by its comment or byte order mark; UTF-8 without either."""
    if source.startswith(_UTF16):
        raise UnreadableError(path, "it is UTF-16, which Python does not read; save it as UTF-8")
    if b"\0" in source:
        raise UnreadableError(path, "it holds a null byte, so it is no text", *_place(source, source.index(b"\0")))
    try:
        return tokenize.detect_encoding(io.BytesIO(source).readline)[0]
    except SyntaxError as error:
        if "invalid or missing" in str(error):
            return "utf-8"  # nothing is declared, and the first lines are not UTF-8: decoding tells which byte
        line = 1 if b"coding" in source.partition(b"\n")[0] else 2
        raise UnreadableError(path, _declaration(str(error)), line) from None


def _declaration(problem: str) -> str:
    """A message for a problem with a declared coding."""
    if problem.startswith("encoding problem"):
        return "it begins with the mark of UTF-8 and declares another coding; take one of them away"
    return f"{problem}; declare a coding that Python knows"


def _place(source: bytes, offset: int) -> tuple[int, int]:
    """Line and column of a byte."""
    return source.count(b"\n", 0, offset) + 1, offset - source.rfind(b"\n", 0, offset)
