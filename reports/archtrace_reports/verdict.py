"""Verdict: what the doctor says, as lines."""

from __future__ import annotations

from collections.abc import Iterator

from archtrace.answer.verdict import Fault, Verdict
from archtrace_reports.lines import wrap

LABEL = 10


def told(found: Verdict, width: int) -> Iterator[str]:
    """The opinion, what is wrong with each change that mends it, and what is read of each text."""
    reason = f": {found.reason}" if found.reason else ""
    yield from wrap(f"{found.target} is {found.opinion}{reason}", width)
    for fault in found.faults:
        yield ""
        yield from _fault(fault, width)
    if found.read:
        yield ""
        for line in found.read:
            yield from _row("reads", line, width)


def _fault(fault: Fault, width: int) -> Iterator[str]:
    yield from _row("wrong", fault.code, width)
    yield from _row("reads", fault.read, width)
    yield from _row("meant", fault.meant, width)
    yield from _row("change", fault.change, width)


def _row(label: str, words: str, width: int) -> Iterator[str]:
    first, *others = wrap(words, width - LABEL)
    yield f"  {label:{LABEL - 2}}{first}"
    yield from (" " * LABEL + line for line in others)
