"""Bring the repositories of `repositories.csv` into a folder, each at its commit; nothing of them is run.

python docs/rules/field/fetch.py FOLDER
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from make import repositories

HOST = "https://github.com/"


def bring(folder: Path, name: str, commit: str) -> None:
    """One commit of one repository, without its history, as the folder OWNER+NAME."""
    here = folder / name.replace("/", "+", 1)
    if here.exists():
        return
    making = here.with_name(here.name + ".part")
    for command in (
        ("init", "-q", str(making)),
        ("-C", str(making), "fetch", "-q", "--depth=1", f"{HOST}{name}", commit),
        ("-C", str(making), "-c", "core.symlinks=false", "checkout", "-q", "FETCH_HEAD"),
    ):
        subprocess.run(["git", *command], check=True)
    making.rename(here)


if __name__ == "__main__":
    for number, repository in enumerate(found := repositories(), 1):
        print(f"{number} of {len(found)}: {repository.name}", file=sys.stderr)
        bring(Path(sys.argv[1]), repository.name, repository.commit)
