"""Notebook: a result as part of the notebook's own document: it styles itself alone, and reads without scripts."""

from __future__ import annotations

import secrets

from markupsafe import Markup

from archtrace.answer.result import Result
from archtrace_reports.formats.to_html import shown
from archtrace_reports.text.report import report


def fragment(result: Result) -> str:
    """The markup. Its ids are its own: a document may show the same answer several times."""
    from archtrace_reports.formats.html.page import model_style, render, text
    from archtrace_reports.formats.html.page_text import model_view

    model = model_view(shown(report([result])).results[0], f"archtrace-{secrets.token_hex(4)}")
    style, script = Markup(text("notebook.css") + model_style()), Markup(text("cone.js"))
    return render("notebook.html.j2", m=model, style=style, script=script)
