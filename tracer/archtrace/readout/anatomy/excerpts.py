"""Excerpts: a few lines of the source around the line that picks a slice."""

from __future__ import annotations

import linecache

from archtrace.answer.drawing import Excerpt
from archtrace.answer.result import Source
from archtrace.capture.call_sites import short_path
from archtrace.capture.program import Program

#: Lines before and after the line itself.
AROUND = 4


def excerpt(source: Source | None, program: Program) -> Excerpt | None:
    """The lines around a source line; None where the file is not there."""
    file = file_of(source, program) if source else None
    if source is None or file is None:
        return None
    lines = [line.rstrip("\n") for line in linecache.getlines(file)]
    first = max(1, source.line - AROUND)
    return Excerpt(source.file, source.line, first, tuple(lines[first - 1 : source.line + AROUND]))


def file_of(source: Source, program: Program) -> str | None:
    """The path of the file that a source names from its package on."""
    frames = {frame.file for node in program.nodes for frame in node.frames if frame.line == source.line}
    return next((file for file in sorted(frames) if short_path(file) == source.file), None)
