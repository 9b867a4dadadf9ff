"""At once: `archtrace NAME` where the answer is known, told without all that any other question needs.

To import the commands and what parses them costs as much as the whole of a known answer. What is told here is what
`archtrace trace NAME` tells: a test holds both to the letter.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from archtrace_reports.commands.names import COMMANDS

if TYPE_CHECKING:
    from archtrace.answer.result import Result

QUIET = ("-q", "--quiet")


def told(arguments: Sequence[str]) -> bool:
    """Answer, if the arguments are one target and its answer is known; whether it was told."""
    targets = [word for word in arguments if word not in QUIET]
    if len(targets) != 1 or targets[0].startswith("-") or targets[0] in COMMANDS:
        return False
    from archtrace_reports.asking.dependencies import require_showing
    from archtrace_reports.asking.question import Question
    from archtrace_reports.asking.store.known_answers import known
    from archtrace_reports.text.notices import say

    found = known(Question(targets[0]))
    if found is None:
        return False
    require_showing()
    if len(targets) == len(arguments):
        say(kept(found))
    _show(found)
    return True


def _show(found: Result) -> None:
    from archtrace_reports.formats.to_terminal import render
    from archtrace_reports.text.files import write
    from archtrace_reports.text.look import look_of
    from archtrace_reports.text.report import report

    write(render(report([found]), look_of(sys.stdout)), None)


def kept(found: Result) -> str:
    """What is said beside an answer that was cached."""
    return f"{found.target}: {found.status}, cached on {found.traced[:10]} (--fresh traces it again)"
