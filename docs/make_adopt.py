"""Run what docs/adopt.md tells, in a scratch project, and put what it really prints into the page.

python docs/make_adopt.py

A block below `<!-- file: NAME -->` is written to that file; below `<!-- append: NAME -->` it is put at its end; a block
of console has lines that begin with `$ `, which are run, and what they print, on stdout and stderr, below each.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

PAGE = Path(__file__).with_name("adopt.md")
ROOT = Path(__file__).parents[1]
#: What a pytest around this, or a CI, would say to the pytest inside.
SPEAKING = re.compile(r"PYTEST_|(CI|BUILD_NUMBER)$")
BLOCK = re.compile(r"(?:<!-- (file|append): (\S+) -->\n)?```(\w+)\n(.*?)```\n", re.DOTALL)


def page(text: str) -> str:
    """The page with what its commands print now."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder, "project")
        project.mkdir()
        return BLOCK.sub(lambda block: _followed(block, project), text)


def _followed(block: re.Match[str], project: Path) -> str:
    """Do what a block says; the block as it is to stand."""
    how, name, language, text = block.groups()
    if language == "console":
        commands = [line[2:] for line in text.splitlines() if line.startswith("$ ")]
        said = "".join(f"$ {command}\n{_run(command, project)}" for command in commands)
        return f"```console\n{said}```\n"
    if how:
        file = project / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text if how == "file" else file.read_text("utf-8") + text, "utf-8")
    return block[0]


def _run(command: str, project: Path) -> str:
    """What a command prints, offline and with a cache of its own; without what differs from run to run."""
    program, *rest = shlex.split(command)
    module = {"archtrace": "archtrace_reports.commands.cli"}.get(program, program)
    roots = os.pathsep.join([str(ROOT / "tracer"), str(ROOT / "reports")])
    given = {"PYTHONPATH": roots, "HF_HUB_OFFLINE": "1", "XDG_CACHE_HOME": str(project.parent), "COLUMNS": "100"}
    if program == "cat":
        return "".join((project / name).read_text("utf-8") for name in rest)
    variables = {name: value for name, value in os.environ.items() if not SPEAKING.match(name)} | given
    done = subprocess.run(
        [sys.executable, "-m", module, *rest],
        cwd=project,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return re.sub(r" in \d+\.\d+s", "", done.stdout.decode())


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
