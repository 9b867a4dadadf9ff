"""Paths as people know them."""

from __future__ import annotations

from pathlib import Path


def short_path(file: str) -> str:
    """A path from the package that holds the file on: no folder of this machine."""
    path = Path(file)
    top = path.parent
    while (top / "__init__.py").exists():
        top = top.parent
    return path.relative_to(top).as_posix()
