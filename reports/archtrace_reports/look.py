"""Look: how a format may draw: how wide, and whether in colour."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from typing import TextIO

WIDTH = 80
NARROWEST = 40


@dataclass(frozen=True)
class Look:
    """At most `width` columns; `colour` means ANSI styles."""

    width: int = WIDTH
    colour: bool = False


def look_of(stream: TextIO) -> Look:
    """80 columns, fewer on a narrower terminal; colour only on a terminal that wants it (NO_COLOR, TERM=dumb)."""
    if not stream.isatty():
        return Look()
    columns = shutil.get_terminal_size((WIDTH, 24)).columns
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return Look(max(NARROWEST, min(WIDTH, columns)), not plain)


def on_terminal() -> bool:
    """Whether progress has somewhere to go."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
