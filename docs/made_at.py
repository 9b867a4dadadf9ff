"""The last line of a page of figures: at which commit they were measured, and by which command.

A command that measures calls `stamp` once its page is written, or prints `line` behind a page that it prints.
CONTRIBUTING.md says when a page has to be made anew.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: What a page's figures speak of.
SOURCES = ("tracer", "reports")
LINE = re.compile(r"\n*^Measured at commit `(?P<commit>[0-9a-f]{7,40})` by `(?P<command>[\w/.]+)`\.\n", re.M)


def git(*arguments: str) -> str:
    """What a command of git prints, run in the repository; subprocess.CalledProcessError where it fails."""
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def line(command: str) -> str:
    """The line itself; `command` is a program's __file__. SystemExit where it or the sources are not committed."""
    path = Path(command).resolve().relative_to(ROOT).as_posix()
    if changed := git("status", "--porcelain", "--", *SOURCES, path):
        raise SystemExit(f"these figures are of no commit: commit first\n{changed}")
    return f"Measured at commit `{git('rev-parse', '--short=7', 'HEAD')}` by `{path}`."


def stamp(page: Path, command: str) -> None:
    """Put the line at the end of a page, in the place of an older one."""
    text = LINE.sub("\n", page.read_text("utf-8")).rstrip("\n")
    page.write_text(f"{text}\n\n{line(command)}\n", "utf-8")
