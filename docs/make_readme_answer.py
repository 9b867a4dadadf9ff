"""Put the real terminal answer into the README: python docs/make_readme_answer.py"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
COMMAND = "archtrace bert-base-uncased"
#: What begins the lines below the picture, which the first screen has no room for.
_BELOW = "\n  padding "
_BLOCK = re.compile(r"(<!-- terminal -->\n```console\n).*?(```)", re.DOTALL)


def answer() -> str:
    """What the command prints on stdout, in 80 columns, offline."""
    arguments = [sys.executable, "-m", "archtrace_reports.commands.cli", *COMMAND.split()[1:], "--fresh"]
    settings = os.environ | {"COLUMNS": "80", "HF_HUB_OFFLINE": "1"}
    return subprocess.run(arguments, capture_output=True, text=True, check=True, env=settings).stdout


def block(text: str) -> str:
    """The README with this answer, down to its picture, in the first screen."""
    shown, below, _ = text.partition(_BELOW)
    assert below, "the answer has no line about padding below its picture"
    return _BLOCK.sub(lambda m: f"{m[1]}$ {COMMAND}\n{shown}\n  ...\n{m[2]}", README.read_text())


if __name__ == "__main__":
    README.write_text(block(answer()))
