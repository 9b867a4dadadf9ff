"""Markdown: a diagnosis for a pull request."""

from __future__ import annotations

from archtrace.answer.diagnosis import Diagnosis
from archtrace_reports.clean import cleaned
from archtrace_reports.diagnosis import sentence
from archtrace_reports.formats.to_markdown import code, fenced, plain, table
from archtrace_reports.look import Look

SUFFIXES = (".md", ".markdown")


def render(found: Diagnosis, look: Look) -> str:
    """The comment."""
    del look
    return "\n".join(lines(cleaned(found))).rstrip() + "\n"


def lines(found: Diagnosis) -> list[str]:
    """The opinion in bold, a row for each fault, and what is read as a block of text. `found` is clean."""
    rows = [(plain(f.code), plain(f.read), plain(f.meant), code(f.change)) for f in found.faults]
    faults = [*table(("wrong", "reads", "meant", "change"), rows), ""] if rows else []
    return [f"**{plain(sentence(found))}**", "", *faults, *([*fenced(found.read), ""] if found.read else [])]
