"""Frames: the lines of the user's and the library's code at which an op is called."""

from __future__ import annotations

import sys
from functools import lru_cache
from pathlib import Path
from types import FrameType

import torch

from archtrace.capture.program import Lines

#: Folders of torch and of this room, and code that no file holds.
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
