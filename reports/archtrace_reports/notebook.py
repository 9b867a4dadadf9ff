"""Notebook: a result as its page within a frame of its own, so that neither style nor script touches the notebook."""

from __future__ import annotations

from markupsafe import Markup

from archtrace.answer.result import Result
from archtrace_reports.formats.to_html import render
from archtrace_reports.look import Look
from archtrace_reports.report import report

#: Pixels that the frame is high; it scrolls.
HEIGHT = 640


def fragment(result: Result) -> str:
    """The frame. It may run the page's own script and nothing else: no forms, no top navigation, no same origin."""
    page = render(report([result]), Look())
    frame = Markup('<iframe srcdoc="{}" sandbox="allow-scripts" width="100%" height="{}" title="{}"></iframe>')
    return str(frame.format(page, HEIGHT, f"archtrace: {result.target}"))
