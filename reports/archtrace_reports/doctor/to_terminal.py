"""Terminal: the opinion first, then each fault with the line that changes it, then what is read of which text."""

from __future__ import annotations

from archtrace.answer.diagnosis import Diagnosis
from archtrace_reports.clean import cleaned
from archtrace_reports.diagnosis import told
from archtrace_reports.lines import paint
from archtrace_reports.look import Look

SUFFIXES = (".txt",)


def render(found: Diagnosis, look: Look) -> str:
    """The lines."""
    return paint(told(cleaned(found), look.prose), look)
