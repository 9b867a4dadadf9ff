"""The refusal of a forward that cannot be run in a layout: what, where, why, what to do."""

from __future__ import annotations

import traceback

import torch

from archtrace.capture.build import first_line
from archtrace.capture.frames import is_machinery
from archtrace.errors import ArchtraceError, CaptureError, message
from archtrace.paths import short_path

#: Words in torch's own messages that tell of a branch on a value without a value.
_DECIDED = ("data-dependent", "DataDependent", "GuardOnDataDependent", "unbacked")


def refusal(model: torch.nn.Module, error: Exception) -> CaptureError:
    """The error to raise for one that the forward raised, or that met it on the way."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not is_machinery(f.filename)]
    last = frames[-1] if frames else None
    decided = any(word in f"{type(error).__name__}: {error}" for word in _DECIDED)
    own = isinstance(error, ArchtraceError)
    return CaptureError(
        message(
            f"the forward of {type(model).__name__} cannot be captured",
            where=f"{short_path(last.filename)}:{last.lineno}, {last.name}: {last.line}" if last else "",
            why="the program chooses by a value that parameters decide"
            if decided
            else str(error)
            if own
            else f"{type(error).__name__}: {first_line(error)}",
            do="let no branch or size depend on parameters (torch.where chooses without one)"
            if decided or own
            else "make the forward run on these inputs; --debug shows the whole error",
        )
    )
