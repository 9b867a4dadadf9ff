"""Notices: messages to people on stderr, which may quote text of a model or a file."""

from __future__ import annotations

import sys

from archtrace_reports.text.files import encodable
from archtrace_reports.text.look import look_of
from archtrace_reports.text.untrusted import clean_lines


def say(message: str) -> None:
    """A message under the program's name; on a terminal its long lines wrap and stay aligned, where rich is there."""
    text = f"archtrace: {clean_lines(message)}"
    if sys.stderr.isatty():
        text = "\n".join(_wrapped(line, look_of(sys.stderr).prose) for line in text.split("\n"))
    print(encodable(text, sys.stderr), file=sys.stderr, flush=True)


def _wrapped(line: str, width: int) -> str:
    try:
        from archtrace_reports.text.lines import wrap  # it measures with rich, which the plain package does not bring
    except ModuleNotFoundError:
        return line
    indent = len(line) - len(line.lstrip())
    return "\n".join(" " * (indent + 4 * (n > 0)) + part for n, part in enumerate(wrap(line, width - indent - 4)))
