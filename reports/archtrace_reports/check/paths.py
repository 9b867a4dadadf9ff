"""Paths: a file's name from the root on, the same wherever the command is run and however the file was named."""

from __future__ import annotations

import os


def relative(path: str, root: str) -> str:
    """A path from the root on, with slashes; one that lies elsewhere begins with `..`."""
    top = os.path.realpath(root)
    named, real = os.path.abspath(path), os.path.realpath(path)
    try:
        found = os.path.relpath(named if named.startswith(os.path.join(top, "")) else real, top)
    except ValueError:  # another drive of Windows
        found = real
    return found.replace(os.sep, "/")
