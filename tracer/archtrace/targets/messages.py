"""What refusals are made of: an error's first line."""

from __future__ import annotations

from archtrace.errors import TargetError, message


def refusal(what: str, *, where: str = "", why: str = "", do: str = "") -> TargetError:
    """An error to raise; a part that is not given has no line."""
    return TargetError(message(what, where=where, why=why, do=do))


def first_line(error: BaseException) -> str:
    """An error's type and the first line of its message."""
    text = str(error).strip().split("\n", 1)[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def one_line(error: BaseException) -> str:
    """An error's type and message, its lines joined."""
    text = " ".join(line.strip() for line in str(error).splitlines() if line.strip())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
