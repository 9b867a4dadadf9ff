"""HTML: the same, as a page with both paths and both cones."""

from __future__ import annotations

from archtrace.errors import TargetError, message
from archtrace_reports.diff.compare import Difference
from archtrace_reports.diff.sentences import change_sentences
from archtrace_reports.text.look import Look
from archtrace_reports.text.untrusted import cleaned

SUFFIXES = (".html", ".htm")


def render(difference: Difference, look: Look) -> str:
    """The page. TargetError where there is more than one pair to show."""
    from archtrace_reports.formats.html.page import fill
    from archtrace_reports.formats.html.page_text import model_view

    del look
    if not difference.one_pair:
        do = "give --format markdown, json or terminal, or two answers alone"
        raise TargetError(message("a page shows two models beside each other, and no more", do=do))
    comparison = cleaned(difference.comparisons[0])
    left, right = model_view(comparison.left, "left"), model_view(comparison.right, "right")
    return fill("diff.html.j2", left=left, right=right, sentences=change_sentences(comparison), rows=comparison.rows,
                path=comparison.path) + "\n"  # fmt: skip
