"""Digests: the content of values and of files in a few letters."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from typing import Any


def digest_of_values(*parts: Any) -> str:
    """32 hexadecimal digits of these values, made of their `repr`."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def digest_of_files(files: Iterable[str]) -> str:
    """One digest of the content of all these files, in this order."""
    return digest_of_values(*map(digest_of_file, files))


def digest_of_file(file: str) -> str | None:
    """The digest of a file's content, or of the names in a folder; None where there is neither."""
    try:
        with open(file, "rb") as stream:
            return hashlib.sha256(stream.read()).hexdigest()
    except IsADirectoryError:
        return digest_of_values(*sorted(os.listdir(file)))
    except OSError:
        return None


def changed_at(file: str) -> int:
    """When a file or its name was last changed, in nanoseconds; 0 where there is none.

    A file that is moved or copied into its place may keep the time of its content, but not that of its name.
    """
    try:
        status = os.stat(file)
    except OSError:
        return 0
    return max(status.st_mtime_ns, status.st_ctime_ns)
