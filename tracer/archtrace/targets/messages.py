"""What refusals are made of: an error's first line, and the known words that are close."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from archtrace.errors import TargetError, message


def refusal(what: str, *, where: str = "", why: str = "", do: str = "") -> TargetError:
    """An error to raise; a part that is not given has no line."""
    return TargetError(message(what, where=where, why=why, do=do))


def close(word: str, known: Iterable[str]) -> tuple[str, ...]:
    """Up to three of the known words that look like this one, the closest first; capitals do not count."""
    by_lower = {name.lower(): name for name in sorted(known, reverse=True)}
    return tuple(by_lower[m] for m in difflib.get_close_matches(word.lower(), by_lower, n=3, cutoff=0.72))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean a or b? `, or nothing when no known word is close."""
    found = close(word, known)
    return f"did you mean {' or '.join(found)}? " if found else ""


def first_line(error: BaseException) -> str:
    """An error's type and the first line of its message."""
    text = str(error).strip().split("\n", 1)[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def one_line(error: BaseException) -> str:
    """An error's type and message, its lines joined."""
    text = " ".join(line.strip() for line in str(error).splitlines() if line.strip())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
