"""Terminal: the opinion first, then each fault with the line that changes it, then what is read of which text."""

from __future__ import annotations

from archtrace.answer.diagnosis import Diagnosis
from archtrace_reports.text.diagnosis_lines import diagnosis_lines
from archtrace_reports.text.lines import paint
from archtrace_reports.text.look import Look
from archtrace_reports.text.untrusted import cleaned

SUFFIXES = (".txt",)


def render(diagnosis: Diagnosis, look: Look) -> str:
    """The lines."""
    return paint(diagnosis_lines(cleaned(diagnosis), look.prose), look)
