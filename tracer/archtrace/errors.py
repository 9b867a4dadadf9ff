"""Errors: one base class; each message says what, where, why, and what to do."""

from __future__ import annotations


class ArchtraceError(Exception):
    """Base of all errors that archtrace raises on purpose."""


class TargetError(ArchtraceError):
    """A target cannot be resolved: an unknown id, a broken config, a missing package, a class that does not fit."""


class BuildError(ArchtraceError):
    """The model cannot be built from its config."""


class CaptureError(ArchtraceError):
    """torch.export cannot capture the model's forward."""


class LayoutError(ArchtraceError):
    """The model itself refuses a layout: it raises on these inputs."""
