"""Clean: text that comes from a model, its config or its source is untrusted; a terminal obeys control characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")

#: Control, format (bidi overrides, zero width), surrogates, private use, line and paragraph separators.
_SPACES = "\t\n\r\v\f\x85\u2028\u2029"
_STRIPPED = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def clean(text: str) -> str:
    """Text without anything that a terminal would obey; white space becomes a space."""
    if text.isascii() and text.isprintable():
        return text
    spaced = (" " if c in _SPACES else c for c in text)
    return "".join(c for c in spaced if unicodedata.category(c) not in _STRIPPED)


def clean_lines(text: str) -> str:
    """The same, line by line: a message may have several."""
    return "\n".join(map(clean, text.strip().split("\n")))


def cleaned(value: T) -> T:
    """A frozen value, clean throughout, so that no format can forget a field."""
    return _cleaned(value)  # type: ignore[no-any-return]


def _cleaned(value: Any) -> Any:
    if isinstance(value, str | int | float | None):
        return clean(value) if isinstance(value, str) else value
    import dataclasses

    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return dataclasses.replace(value, **{f.name: _cleaned(getattr(value, f.name)) for f in fields})
    if isinstance(value, Mapping):
        return {_cleaned(k): _cleaned(v) for k, v in value.items()}
    # Most of what an answer holds are rows of positions: nothing in them is text.
    if isinstance(value, tuple | list) and not all(type(item) is int for item in value):
        return type(value)(_cleaned(item) for item in value)
    return value
