"""Fast path: `archtrace NAME` where the answer is in the cache, shown without importing what other commands need.

To import the commands and click costs as much as the whole of a cached answer. The output is that of
`archtrace trace NAME`: a test compares both to the letter.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from archtrace_reports.commands.names import COMMANDS

if TYPE_CHECKING:
    from archtrace.answer.result import Result

QUIET = ("-q", "--quiet")


def show_if_known(arguments: Sequence[str]) -> bool:
    """Show the answer if the arguments are a single target whose answer is cached; whether it was shown."""
    targets = [word for word in arguments if word not in QUIET]
    if len(targets) != 1 or targets[0].startswith("-") or targets[0] in COMMANDS:
        return False
    from archtrace_reports.asking.dependencies import require_showing
    from archtrace_reports.asking.question import Question
    from archtrace_reports.asking.store.known_answers import known_answer
    from archtrace_reports.text.notices import say

    result = known_answer(Question(targets[0]))
    if result is None:
        return False
    require_showing()
    if len(targets) == len(arguments):
        say(cached_note(result))
    _show(result)
    return True


def _show(result: Result) -> None:
    from archtrace_reports.formats.to_terminal import render
    from archtrace_reports.text.files import write
    from archtrace_reports.text.look import look_of
    from archtrace_reports.text.report import report

    write(render(report([result]), look_of(sys.stdout)), None)


def cached_note(result: Result) -> str:
    """The line on stderr for an answer from the cache."""
    return f"{result.target}: {result.status}, cached on {result.traced[:10]} (--fresh traces it again)"
