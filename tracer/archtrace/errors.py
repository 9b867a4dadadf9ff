"""Errors: one base class; each message says what, where, why, and what to do."""

from __future__ import annotations


class ArchtraceError(Exception):
    """Base of all errors that archtrace raises on purpose."""


class TargetError(ArchtraceError):
    """A target cannot be resolved: an unknown id, a broken config, a missing package, a class that does not fit."""


class BuildError(ArchtraceError):
    """The model cannot be built from its config."""


class CaptureError(ArchtraceError):
    """The model's forward cannot be followed: it chooses by values that parameters decide."""


class LayoutError(ArchtraceError):
    """The model itself refuses a layout: it raises on these inputs."""


class SetupError(ArchtraceError):
    """A model, its tokenizer and a batch do not go together: the wrong token is read."""


class MissingError(ArchtraceError, ImportError):
    """Packages of the extra `trace` are not installed or too old for tracing, or that of `cluster` is not there. An
    ImportError to those who try."""


def message(what: str, *, where: str = "", why: str = "", do: str = "") -> str:
    """The form of every refusal: what, where, why, what to do, a line each; a part that is not given has no line."""
    parts = {"where": where, "why": why, "do": do}
    return "\n".join([what, *(f"  {label}: {text}" for label, text in parts.items() if text)])
