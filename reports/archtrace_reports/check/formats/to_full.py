"""Full: each finding with its lines, and the flow that led there: the steps marked and noted below the code."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from archtrace_reports.check.code_frame import frame
from archtrace_reports.check.problem import CheckResult, Problem
from archtrace_reports.check.settings import Settings
from archtrace_reports.text.look import look_of
from archtrace_reports.text.styled import StyledLine
from archtrace_reports.text.untrusted import clean


def render(result: CheckResult, settings: Settings) -> str:
    """A paragraph a finding."""
    del settings
    coloured = look_of(sys.stdout).colour
    lines = (line for finding in result.findings for line in _paragraph(finding))
    return "".join(f"{line.ansi if coloured else line.plain}\n" for line in lines)


def _paragraph(finding: Problem) -> Iterator[StyledLine]:
    mark = "[*] " if finding.fixable else ""
    yield StyledLine(f"{finding.code} ", "bold red").append(mark, "cyan").append(clean(finding.message), "bold")
    yield from frame(finding)
    yield StyledLine("help: ", "cyan").append(_help(finding))
    yield StyledLine()


def _help(finding: Problem) -> str:
    if finding.fixable:
        written = " ".join(finding.edits[0].text.split())
        return f"--fix writes {clean(written.replace('( ', '(').replace(' )', ')'))}"
    return f"archtrace explain {finding.code} tells why, and what to write instead"
