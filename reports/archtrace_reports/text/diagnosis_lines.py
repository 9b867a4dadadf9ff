"""Diagnosis: what the doctor says, as lines."""

from __future__ import annotations

from archtrace.answer.diagnosis import Diagnosis, Opinion
from archtrace_reports.text.lines import block, row
from archtrace_reports.text.styled import StyledLine

STYLES: dict[Opinion, str] = {"right": "bold green", "wrong": "bold red", "unknown": "bold yellow"}


def lines_above_answer(diagnosis: Diagnosis | None, width: int) -> list[StyledLine]:
    """What stands above an answer: one line where the setup is right or unknown, else what to change. Ends empty."""
    if diagnosis is None:
        return []
    opinion = block(short_opinion(diagnosis), width, style=STYLES[diagnosis.opinion])
    return [*opinion, *fault_lines(diagnosis, width), StyledLine()]


def short_opinion(diagnosis: Diagnosis) -> str:
    """The opinion above an answer, which names the model itself."""
    reason = f", because {diagnosis.reason}" if diagnosis.reason else ""
    return f"setup: {diagnosis.opinion}{reason}"


def sentence(diagnosis: Diagnosis) -> str:
    """The opinion, and why."""
    reason = f": {diagnosis.reason}" if diagnosis.reason else ""
    return f"{diagnosis.target} is {diagnosis.opinion}{reason}"


def diagnosis_lines(diagnosis: Diagnosis, width: int) -> list[StyledLine]:
    """The opinion, what is wrong with each change that fixes it, what is read of each text, and what else is known."""
    lines = block(sentence(diagnosis), width, style=STYLES[diagnosis.opinion]) + fault_lines(diagnosis, width)
    read = [line for text in diagnosis.read for line in row("reads", text, width)]
    notes = [line for note in diagnosis.notes for line in row("note", note, width)]
    return [*lines, *([StyledLine(), *read] if read else []), *([StyledLine(), *notes] if notes else [])]


def fault_lines(diagnosis: Diagnosis, width: int) -> list[StyledLine]:
    """What is wrong, each behind an empty line."""
    lines: list[StyledLine] = []
    for fault in diagnosis.faults:
        parts = {"wrong": fault.code, "reads": fault.read, "meant": fault.meant, "change": fault.change}
        lines += [StyledLine(), *(line for label, words in parts.items() for line in row(label, words, width))]
    return lines
