"""Make docs/atlas: every class with a head of the installed transformers, beside the classifiers of older releases.

python docs/make_atlas.py                                      asks about everything: hours on two cores
python docs/make_atlas.py --current all.jsonl --heads heads.jsonl --older 4.56.json --older 4.48.json

What is named is read, and not asked again: files of `archtrace --all --format json -o FILE`, or the `.answers.jsonl` of
an atlas, whose answers have cones as well. An older release is installed in an environment of its own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import made_at

from archtrace_reports.atlas.site import check, write
from archtrace_reports.atlas.site.edition_files import joined, read

HERE = Path(__file__).parent
#: The releases that stand beside the installed one, newest first: the last of a line, and the oldest that is traced.
OLDER = ("4.56.2", "4.48.3")


def main() -> None:
    """Ask, or read, and write."""
    given = arguments()
    check(given.output)
    given.cache.mkdir(parents=True, exist_ok=True)
    current = given.current or asked_heads(given.cache / "current")
    heads = [given.heads] if given.heads else []
    older = given.older or [asked(python_beside(v, given.cache), given.cache / f"{v}.json", "--all") for v in OLDER]
    write([joined(map(read, [current, *heads])), *map(read, older)], given.output)
    made_at.stamp(HERE / "atlas.md", __file__)


def arguments() -> argparse.Namespace:
    """The files that are there, and where others are kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=HERE / "atlas", help="the folder (%(default)s)")
    parser.add_argument("--current", type=Path, help="the classes of the installed transformers")
    parser.add_argument("--heads", type=Path, help="its classes with other heads, where --current has none")
    parser.add_argument("--older", type=Path, action="append", help="those of an older release; newest first")
    cache = Path.home() / ".cache" / "archtrace" / "atlas"
    parser.add_argument("--cache", type=Path, default=cache, help="where answers and environments are (%(default)s)")
    return parser.parse_args()


def asked(python: Path, file: Path, *what: str) -> Path:
    """The file of answers, made anew unless it is there. What has no answer is told in the file as well."""
    if not file.exists():
        command = [python, "-m", "archtrace_reports.commands.cli", *what, "-q", "--format", "json", "-o", file]
        subprocess.run(command, check=False, env=os.environ | {"HF_HUB_OFFLINE": "1"})
    return file if file.exists() else sys.exit(f"no answers came from {python}")


def asked_heads(folder: Path) -> Path:
    """The file of the answers about all heads; what was asked before is not asked again."""
    command = [sys.executable, "-m", "archtrace_reports.commands.cli", "atlas", "--heads", "-o", folder]
    subprocess.run(command, check=False, env=os.environ | {"HF_HUB_OFFLINE": "1"})
    return folder / ".answers.jsonl"


def python_beside(release: str, cache: Path) -> Path:
    """The interpreter of an environment with that release of transformers, and this archtrace."""
    sys.path.insert(0, str(HERE.parent / "tests" / "versions"))
    from matrix_environments import digest, environment_of, python_of, wheel_of
    from matrix_rows import Row

    return python_of(environment_of(Row("2.13.0", release), cache, wheel_of(cache, digest())))


if __name__ == "__main__":
    main()
