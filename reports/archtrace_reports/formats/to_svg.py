"""SVG: the cone above the path, in one picture; several targets below each other."""

from __future__ import annotations

from archtrace_reports.text.look import Look
from archtrace_reports.text.report import Report
from archtrace_reports.text.untrusted import cleaned

SUFFIXES = (".svg",)
DRAWN = True


def render(report: Report, look: Look) -> str:
    """The SVG file."""
    from archtrace_reports.formats.drawing.svg_sheet import cone_part, path_part, sheet

    del look
    return sheet(part(result) for result in cleaned(report).results for part in (cone_part, path_part))
