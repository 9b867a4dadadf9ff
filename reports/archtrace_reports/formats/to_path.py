"""Path: from the read tensors to the logits, as an SVG file of its own."""

from __future__ import annotations

from archtrace_reports.text.look import Look
from archtrace_reports.text.report import Report
from archtrace_reports.text.untrusted import cleaned

SUFFIXES = (".path.svg",)
DRAWN = True


def render(report: Report, look: Look) -> str:
    """The SVG file."""
    from archtrace_reports.formats.drawing.svg_sheet import path_part, sheet

    del look
    return sheet(map(path_part, cleaned(report).results))
