"""The error for a forward that cannot be run in a layout: what, where, why, what to do."""

from __future__ import annotations

import torch

from archtrace.capture import older_releases
from archtrace.capture.call_sites import frames_outside, place_of
from archtrace.errors import ArchtraceError, CaptureError, LayoutError, TargetError, first_line, message

#: Words of torch's own messages about a branch on a value that it does not have.
_UNDECIDABLE = ("data-dependent", "DataDependent", "GuardOnDataDependent", "unbacked")


def forward_error(model: torch.nn.Module, error: Exception) -> ArchtraceError:
    """The error of ours to raise for one that came out of a run of the forward.

    LayoutError where the model itself does not take these inputs; CaptureError where the forward cannot be followed.
    """
    # The innermost line that is neither torch's nor ours is the one that the user can change.
    last = next(reversed(frames_outside(error)), None)
    where, name = place_of(last), type(model).__name__
    if any(word in f"{type(error).__name__}: {error}" for word in _UNDECIDABLE):
        why = "the program chooses by a value that parameters decide"
        newer = older_releases.newer_for_experts(last.filename) if last else ""
        do = newer or "let no branch depend on parameters (torch.where chooses without one)"
        return CaptureError(message(f"the forward of {name} cannot be followed", where=where, why=why, do=do))
    if isinstance(error, TargetError):  # the user named an output that the forward lacks: the message says so already
        return error
    if isinstance(error, ArchtraceError):
        do = "report this, with the model"
        return CaptureError(message(f"the forward of {name} cannot be followed", where=where, why=str(error), do=do))
    why, do = first_line(error), "make the forward run on these inputs"
    return LayoutError(message(f"{name} does not run on these inputs", where=where, why=why, do=do))
