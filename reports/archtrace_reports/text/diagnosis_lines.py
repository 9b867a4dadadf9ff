"""Diagnosis: what the doctor says, as lines."""

from __future__ import annotations

from archtrace.answer.diagnosis import Diagnosis, Opinion
from archtrace_reports.text.lines import block, row
from archtrace_reports.text.styled import StyledLine

STYLES: dict[Opinion, str] = {"right": "bold green", "wrong": "bold red", "unknown": "bold yellow"}


def first(found: Diagnosis | None, width: int) -> list[StyledLine]:
    """What stands above an answer: one line where the setup is right or unknown, else what to change. Ends empty."""
    if found is None:
        return []
    return [*block(above(found), width, style=STYLES[found.opinion]), *faults(found, width), StyledLine()]


def above(found: Diagnosis) -> str:
    """The opinion above an answer, which names the model itself."""
    return f"setup: {found.opinion}, because {found.reason}" if found.reason else f"setup: {found.opinion}"


def sentence(found: Diagnosis) -> str:
    """The opinion, and why."""
    reason = f": {found.reason}" if found.reason else ""
    return f"{found.target} is {found.opinion}{reason}"


def told(found: Diagnosis, width: int) -> list[StyledLine]:
    """The opinion, what is wrong with each change that mends it, what is read of each text, and what else is known."""
    lines = block(sentence(found), width, style=STYLES[found.opinion]) + faults(found, width)
    read = [line for text in found.read for line in row("reads", text, width)]
    notes = [line for note in found.notes for line in row("note", note, width)]
    return [*lines, *([StyledLine(), *read] if read else []), *([StyledLine(), *notes] if notes else [])]


def faults(found: Diagnosis, width: int) -> list[StyledLine]:
    """What is wrong, each behind an empty line."""
    lines: list[StyledLine] = []
    for fault in found.faults:
        parts = {"wrong": fault.code, "reads": fault.read, "meant": fault.meant, "change": fault.change}
        lines += [StyledLine(), *(line for label, words in parts.items() for line in row(label, words, width))]
    return lines
