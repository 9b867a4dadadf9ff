"""What the tests of the source rules share: code in strings, and where the wrong places of it are."""

from __future__ import annotations

import textwrap

from archtrace_lint import check_source


def code(text: str) -> str:
    """A piece of code from an indented string."""
    return textwrap.dedent(text).lstrip("\n")


def codes(text: str, *only: str) -> list[str]:
    """The codes of what is found in a piece of code."""
    return [violation.code for violation in check_source("example.py", code(text), only or None)]
