"""The refusal of a forward that cannot be run in a layout: what, where, why, what to do."""

from __future__ import annotations

import torch

from archtrace.capture import older_releases
from archtrace.capture.call_sites import frames_outside, written
from archtrace.errors import ArchtraceError, CaptureError, LayoutError, TargetError, first_line, message

#: Words in torch's own messages that tell of a branch on a value without a value.
_DECIDED = ("data-dependent", "DataDependent", "GuardOnDataDependent", "unbacked")


def refusal(model: torch.nn.Module, error: Exception) -> ArchtraceError:
    """The error to raise for one that the forward raised, or that met it on the way.

    LayoutError where the model itself does not take these inputs; CaptureError where it is not to be followed.
    """
    # The last line that is neither torch's nor ours is the one that the user can change.
    last = next(reversed(frames_outside(error)), None)
    where, name = written(last), type(model).__name__
    if any(word in f"{type(error).__name__}: {error}" for word in _DECIDED):
        why = "the program chooses by a value that parameters decide"
        newer = older_releases.newer_for_experts(last.filename) if last else ""
        do = newer or "let no branch depend on parameters (torch.where chooses without one)"
        return CaptureError(message(f"the forward of {name} cannot be followed", where=where, why=why, do=do))
    if isinstance(error, TargetError):  # what was asked for is not there: the words are made
        return error
    if isinstance(error, ArchtraceError):
        do = "report this, with the model"
        return CaptureError(message(f"the forward of {name} cannot be followed", where=where, why=str(error), do=do))
    why, do = first_line(error), "make the forward run on these inputs"
    return LayoutError(message(f"{name} does not run on these inputs", where=where, why=why, do=do))
