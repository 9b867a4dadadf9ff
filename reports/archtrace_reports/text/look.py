"""Look: how a format may draw: how wide, and whether in colour."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TextIO

#: Columns where nothing says how many there are.
WIDTH = 80
NARROWEST = 40
#: Lines of prose get no longer than this: longer ones are hard to read.
PROSE = 100


@dataclass(frozen=True)
class Look:
    """At most `width` columns; `colour` means ANSI styles."""

    width: int = WIDTH
    colour: bool = False

    @property
    def prose(self) -> int:
        """The columns of running text; a table may take the whole width."""
        return min(self.width, PROSE)


def look_of(stream: TextIO) -> Look:
    """As wide as the terminal, or as COLUMNS says; coloured where people see it and want it.

    FORCE_COLOR colours whatever the stream is (https://force-color.org), NO_COLOR never (https://no-color.org).
    """
    return Look(max(NARROWEST, _columns(stream)), _coloured(stream))


def _columns(stream: TextIO) -> int:
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns):
        return int(columns)
    try:
        return os.get_terminal_size(stream.fileno()).columns or WIDTH  # 0 where a terminal does not tell
    except (OSError, ValueError):  # a pipe or a file; no file at all
        return WIDTH


def _coloured(stream: TextIO) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    forced = os.environ.get("FORCE_COLOR")
    return forced != "0" if forced else stream.isatty() and os.environ.get("TERM") != "dumb"


def on_terminal() -> bool:
    """Whether progress may be drawn over and over in one place."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
