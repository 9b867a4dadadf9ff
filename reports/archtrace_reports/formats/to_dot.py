"""DOT: the path in Graphviz's language, a digraph a target."""

from __future__ import annotations

from archtrace.answer.drawing import Path
from archtrace_reports.text.look import Look
from archtrace_reports.text.report import Report
from archtrace_reports.text.untrusted import cleaned

SUFFIXES = (".dot", ".gv")
DRAWN = True


def render(report: Report, look: Look) -> str:
    """The digraphs, in the order of the targets; an empty one where nothing is known of a model."""
    from archtrace_reports.formats.drawing.dot import dot_source

    del look
    results = cleaned(report).results
    return "\n".join(dot_source(r.anatomy.path if r.anatomy else Path(), r.target) for r in results)
