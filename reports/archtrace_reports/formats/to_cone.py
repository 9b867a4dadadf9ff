"""Cone: which positions of each layer reach the logits, as an SVG file of its own."""

from __future__ import annotations

from archtrace_reports.text.look import Look
from archtrace_reports.text.report import Report
from archtrace_reports.text.untrusted import cleaned

SUFFIXES = (".cone.svg",)
DRAWN = True


def render(report: Report, look: Look) -> str:
    """The SVG file."""
    from archtrace_reports.formats.drawing.svg_sheet import cone_part, sheet

    del look
    return sheet(map(cone_part, cleaned(report).results))
