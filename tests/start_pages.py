"""Follow a page of docs/start step by step, as its reader would, in a clean folder.

A block of sh is run. A block of text below it is what it prints, of which a line `...` stands for any lines and `...`
at the end of a line for the rest of it. Every other block is a file, whose name ends the line above it: `name`:
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs" / "start").glob("*.md"))
INSTALLS = "pip install"
_BLOCK = re.compile(r"(?ms)(?:`([^`\n]+)`:\n\n)?^```(\w+)\n(.*?)^```$(?:\n\n^```text\n(.*?)^```$)?")


@dataclass(frozen=True)
class Step:
    """A block of a page: a file to write where it has a name, else commands to run and what they print."""

    name: str | None
    language: str
    text: str
    printed: str | None

    @property
    def installs(self) -> bool:
        """Whether it makes the environment that the other steps run in."""
        return self.language == "sh" and INSTALLS in self.text


def steps(page: Path) -> Iterator[Step]:
    """The blocks of a page in their order."""
    for block in _BLOCK.finditer(page.read_text("utf-8")):
        step = Step(*block.groups())
        assert (step.name is None) == (step.language == "sh"), f"{page.name}: neither run nor saved:\n{block[0]}"
        yield step


def follow(step: Step, folder: Path, variables: Mapping[str, str]) -> None:
    """Save the file, or run the commands: they print what the page says, and may fail only where it says so."""
    if step.name is not None:
        file = folder / step.name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(step.text, "utf-8")
        return
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", step.text], cwd=folder, env=os.environ | variables, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600,
    )  # fmt: skip
    # What fails on purpose, a check with findings, is shown with what it prints.
    assert step.printed is not None or done.returncode == 0, done.stdout
    assert step.printed is None or shows(step.printed, done.stdout), f"$ {step.text}{done.stdout}"


def shows(printed: str, real: str) -> bool:
    """Whether a page's output is what was really printed, but for what it leaves out."""
    lines = ("(?:.*\n)*" if line == "...\n" else _line(line) for line in printed.splitlines(keepends=True))
    return re.fullmatch("".join(lines), real) is not None


def _line(line: str) -> str:
    return f"{re.escape(line[:-4])}.*\n" if line.endswith("...\n") else re.escape(line)
