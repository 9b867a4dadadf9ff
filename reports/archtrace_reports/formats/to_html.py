"""HTML: one self-contained page; several targets get a matrix first."""

from __future__ import annotations

from dataclasses import replace

from archtrace.answer.result import Result
from archtrace_reports.text.look import Look
from archtrace_reports.text.report import Report, versions
from archtrace_reports.text.untrusted import cleaned

SUFFIXES = (".html", ".htm")
DRAWN = True


def render(report: Report, look: Look) -> str:
    """The page."""
    from archtrace_reports.formats.html.page import fill
    from archtrace_reports.formats.html.page_text import model_view

    del look
    models = [model_view(result, f"model-{number}") for number, result in enumerate(shown(report).results, 1)]
    releases = dict(report.versions) or versions()
    return fill("models.html.j2", models=models, unanswered=cleaned(report).unanswered, versions=releases) + "\n"


def shown(report: Report) -> Report:
    """The report without what a terminal would obey; source lines keep their white space."""
    results = cleaned(report).results
    pairs = zip(results, report.results, strict=True)
    return replace(report, results=tuple(_with_source(clean, given) for clean, given in pairs))


def _with_source(result: Result, given: Result) -> Result:
    if result.anatomy is None or given.anatomy is None:
        return result
    return replace(result, anatomy=replace(result.anatomy, excerpts=given.anatomy.excerpts))
