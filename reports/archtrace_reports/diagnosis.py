"""Diagnosis: what the doctor says, as lines."""

from __future__ import annotations

from rich.text import Text

from archtrace.answer.diagnosis import Diagnosis, Opinion
from archtrace_reports.lines import block, row

STYLES: dict[Opinion, str] = {"right": "bold green", "wrong": "bold red", "unknown": "bold yellow"}


def told(found: Diagnosis, width: int) -> list[Text]:
    """The opinion, what is wrong with each change that mends it, what is read of each text, and what else is known."""
    reason = f": {found.reason}" if found.reason else ""
    lines = block(f"{found.target} is {found.opinion}{reason}", width, style=STYLES[found.opinion])
    for fault in found.faults:
        parts = {"wrong": fault.code, "reads": fault.read, "meant": fault.meant, "change": fault.change}
        lines += [Text(), *(line for label, words in parts.items() for line in row(label, words, width))]
    read = [line for text in found.read for line in row("reads", text, width)]
    notes = [line for note in found.notes for line in row("note", note, width)]
    return [*lines, *([Text(), *read] if read else []), *([Text(), *notes] if notes else [])]
