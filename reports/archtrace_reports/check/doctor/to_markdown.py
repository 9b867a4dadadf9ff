"""Markdown: a diagnosis for a pull request."""

from __future__ import annotations

from archtrace.answer.diagnosis import Diagnosis
from archtrace_reports.formats.to_markdown import fault_table, fenced, plain
from archtrace_reports.text.diagnosis_lines import sentence
from archtrace_reports.text.look import Look
from archtrace_reports.text.untrusted import cleaned

SUFFIXES = (".md", ".markdown")


def render(diagnosis: Diagnosis, look: Look) -> str:
    """The comment: the opinion in bold, a row for each fault, what is read of which text, and what else is known."""
    del look
    shown = cleaned(diagnosis)
    lines = [f"**{plain(sentence(shown))}**", "", *fault_table(shown), *(fenced(shown.read) if shown.read else [])]
    lines += ["", *(f"* note: {plain(note)}" for note in shown.notes)] if shown.notes else []
    return "\n".join(lines).rstrip() + "\n"
