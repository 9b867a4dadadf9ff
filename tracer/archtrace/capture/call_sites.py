"""Call sites: the lines of the user's and the library's code at which an op is called, or an error raised."""

from __future__ import annotations

import sys
import traceback
from functools import lru_cache
from pathlib import Path
from types import FrameType

import torch

from archtrace.capture.program import Lines

#: The folders of torch and of this package, and what the name of code that no file holds begins with.
_MACHINERY = (str(Path(torch.__file__).parent), str(Path(__file__).parent), "<")


def lines_here(outermost: FrameType | None) -> Lines:
    """The stack from below `outermost` to the caller, without the frames of torch and of archtrace."""
    codes, numbers = [], []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame is not outermost:
        if not is_machinery(frame.f_code.co_filename):
            codes.append(frame.f_code)
            numbers.append(frame.f_lineno)
        frame = frame.f_back
    return tuple(reversed(codes)), tuple(reversed(numbers))


@lru_cache(maxsize=4096)
def is_machinery(file: str) -> bool:
    """True for a file of torch or of this package: where an op lives, not where it was written."""
    return file.startswith(_MACHINERY)


def frames_outside(error: BaseException) -> list[traceback.FrameSummary]:
    """The frames through which an error came, outermost first, without those of torch and of this package."""
    return [frame for frame in traceback.extract_tb(error.__traceback__) if not is_machinery(frame.filename)]


def place_of(frame: traceback.FrameSummary | None) -> str:
    """A frame as messages have it: `package/file.py:12, function: the line itself`; empty where there is none."""
    return f"{short_path(frame.filename)}:{frame.lineno}, {frame.name}: {frame.line}" if frame else ""


def short_path(file: str) -> str:
    """A path from the package that holds the file on: no folder of this machine."""
    path = Path(file)
    top = path.parent
    while (top / "__init__.py").exists():
        top = top.parent
    return path.relative_to(top).as_posix()
