"""The dot program: the system's, or the one that the package graphviz-pure brings."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

#: Seconds that a drawing may take.
LIMIT = 20
ABSENT = "no dot program runs here, so the path is not drawn: install Graphviz, or pip install graphviz-pure"


class UndrawnError(Exception):
    """There is no drawing; the message is the reason, in one sentence."""


def svg_of(dot: str) -> str:
    """The SVG of a DOT text. Raises UndrawnError where no program draws it."""
    for program in _programs():
        try:
            done = subprocess.run(
                [program, "-Tsvg"], input=dot.encode(), capture_output=True, timeout=LIMIT, check=True
            )
        except (OSError, subprocess.SubprocessError):
            continue
        return done.stdout.decode()
    raise UndrawnError(ABSENT)


@cache
def _programs() -> tuple[str, ...]:
    """The programs to try, in this order: on the path, or beside the interpreter that runs."""
    beside = str(Path(sys.executable).parent)
    candidates = (shutil.which("dot"), shutil.which("graphviz-pure"), shutil.which("graphviz-pure", path=beside))
    return tuple(dict.fromkeys(program for program in candidates if program))
