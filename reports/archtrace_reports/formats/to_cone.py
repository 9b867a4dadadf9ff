"""Cone: which positions of each layer reach the logits, as an SVG file of its own."""

from __future__ import annotations

from archtrace_reports.clean import cleaned
from archtrace_reports.look import Look
from archtrace_reports.report import Report

SUFFIXES = (".cone.svg",)
DRAWN = True


def render(report: Report, look: Look) -> str:
    """The SVG file."""
    from archtrace_reports.drawing.sheet import cone_part, sheet

    del look
    return sheet(map(cone_part, cleaned(report).results))
