"""Errors: one base class; each message says what, where, why, and what to do."""

from __future__ import annotations

from collections.abc import Iterable

#: A word is taken for a misspelling of another one from this similarity on: difflib's ratio, from 0 to 1.
SIMILARITY = 0.72


class ArchtraceError(Exception):
    """Base of all errors that archtrace raises on purpose."""


class TargetError(ArchtraceError):
    """A target cannot be resolved: an unknown id, a broken config, a missing package, a class that does not fit."""


class BuildError(ArchtraceError):
    """The model cannot be built from its config."""


class CaptureError(ArchtraceError):
    """The model's forward cannot be followed: it chooses by values that parameters decide."""


class LayoutError(ArchtraceError):
    """The model itself refuses a layout: it raises on these inputs."""


class SetupError(ArchtraceError):
    """A model, its tokenizer and a batch do not go together: the wrong token is read."""


class MissingError(ArchtraceError, ImportError):
    """Packages of the extra `trace` are missing or too old, or that of `cluster` is missing. It is an ImportError,
    for code that tries an import."""


def message(what: str, *, where: str = "", why: str = "", do: str = "") -> str:
    """The form of every refusal: what, where, why, what to do, a line each; a part that is not given has no line."""
    parts = {"where": where, "why": why, "do": do}
    return "\n".join([what, *(f"  {label}: {text}" for label, text in parts.items() if text)])


def refusal(what: str, *, where: str = "", why: str = "", do: str = "") -> TargetError:
    """The error to raise for a target that cannot be answered, in the form of `message`."""
    return TargetError(message(what, where=where, why=why, do=do))


def first_line(error: BaseException) -> str:
    """An error's type and the first line of its message: `ValueError: too many dimensions`."""
    text = str(error).strip().split("\n", 1)[0]
    return f"{type(error).__name__}: {text or 'no reason given'}"


def one_line(error: BaseException) -> str:
    """An error's type and its message, the lines of which are joined."""
    text = " ".join(line.strip() for line in str(error).splitlines() if line.strip())
    return f"{type(error).__name__}: {text or 'no reason given'}"


def close_names(word: str, known: Iterable[str], most: int = 3, similarity: float = SIMILARITY) -> tuple[str, ...]:
    """Up to so many of the known names that look like a word, the closest first; capitals do not count."""
    from difflib import get_close_matches  # late: few starts of the command line end in a misspelling

    by_lower = {name.lower(): name for name in sorted(known, reverse=True)}
    return tuple(by_lower[name] for name in get_close_matches(word.lower(), by_lower, n=most, cutoff=similarity))


def did_you_mean(word: str, known: Iterable[str], most: int = 3) -> str:
    """`did you mean a or b? `, or nothing where no known name is close."""
    names = close_names(word, known, most)
    return f"did you mean {' or '.join(names)}? " if names else ""
