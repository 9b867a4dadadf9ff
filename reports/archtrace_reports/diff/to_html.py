"""HTML: the same, as a page with both paths and both cones."""

from __future__ import annotations

from archtrace_reports.clean import cleaned
from archtrace_reports.diff.compare import Comparison
from archtrace_reports.diff.to_terminal import told
from archtrace_reports.look import Look


def render(comparison: Comparison, look: Look) -> str:
    """The page."""
    from archtrace_reports.html.page import fill
    from archtrace_reports.html.views import model_view

    del look
    comparison = cleaned(comparison)
    left, right = model_view(comparison.left, "left"), model_view(comparison.right, "right")
    return fill("diff.html.j2", left=left, right=right, told=told(comparison), rows=comparison.rows,
                path=comparison.path) + "\n"  # fmt: skip
