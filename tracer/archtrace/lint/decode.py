"""Bytes of a Python file to text, as Python itself reads them: PEP 263, byte order marks, universal newlines."""

from __future__ import annotations

import io
import tokenize

from archtrace.lint.violation import UnreadableError


def decoded(path: str, source: bytes, coding: str | None = None) -> str:
    """The text of a file, in the coding that it declares unless one is given; one that does not fit is an error."""
    if b"\0" in source:
        line = source[: source.index(b"\0")].count(b"\n") + 1
        raise UnreadableError(path, "it holds a null byte, so it is no text", line)
    source = source.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    try:
        coding = coding or tokenize.detect_encoding(io.BytesIO(source).readline)[0]
        return source.decode(coding)
    except SyntaxError as error:
        raise UnreadableError(path, str(error)) from None
    except UnicodeDecodeError as error:
        line = source[: error.start].count(b"\n") + 1
        raise UnreadableError(path, f"byte {error.start} is not {error.encoding}", line) from None
