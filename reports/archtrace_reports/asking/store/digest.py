"""Digest: what files hold, in a few letters."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from typing import Any


def short(*parts: Any) -> str:
    """32 letters that stand for these values, by what `repr` says of them."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def of_files(files: Iterable[str]) -> str:
    """One digest of what all of these hold, in this order."""
    return short(*map(of_file, files))


def of_file(file: str) -> str | None:
    """The digest of what a file holds, of a folder the names in it; None where there is neither."""
    try:
        with open(file, "rb") as stream:
            return hashlib.sha256(stream.read()).hexdigest()
    except IsADirectoryError:
        return short(*sorted(os.listdir(file)))
    except OSError:
        return None


def changed(file: str) -> int:
    """When a file, or its name, became what it is, in nanoseconds; 0 where there is none.

    A file that is moved or copied into its place keeps the time of what it holds: that of its name tells.
    """
    try:
        told = os.stat(file)
    except OSError:
        return 0
    return max(told.st_mtime_ns, told.st_ctime_ns)
