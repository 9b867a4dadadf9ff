"""Shipped answers: those that come with archtrace, for the versions of packages that they were made with."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from archtrace_reports.asking.question import Question
from archtrace_reports.asking.store.answer_store import ENDING, Entry, decode, encode
from archtrace_reports.asking.store.environment import is_this_release, packages, release

FOLDER = Path(__file__).parent / "answers"
#: The packages whose versions decide what a classifier of the library does.
DECIDING = ("torch", "transformers")
#: Packages without which the answers were made, since a model of transformers 5.23 runs other code with them: kernels
#: in place of operations, or a backbone that is built of theirs (the `is_..._available` of its modeling files).
WITHOUT = (
    *("apex", "causal-conv1d", "detectron2", "flash-attn", "flash-linear-attention", "kernels", "mamba-ssm"),
    *("mambapy", "natten", "ninja", "timm", "xlstm"),
)
#: The targets that a file can be named by: model types, and ids of the Hub.
_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")


def find(question: Question) -> Entry | None:
    """The answer that came with archtrace; None where there is none that holds here."""
    if question != Question(question.target) or not _NAME.fullmatch(question.target):
        return None
    entry = None
    with contextlib.suppress(OSError):
        entry = decode(_file(question.target).read_bytes())
    return entry if entry is not None and holds(entry) else None


def holds(entry: Entry) -> bool:
    """Whether a shipped answer was made by this release of archtrace, with these packages and these files."""
    wanted = entry.environment["packages"]
    return is_this_release(entry.environment["archtrace"]) and packages(wanted) == wanted and entry.holds()


def environment() -> dict[str, Any]:
    """The environment to ship an answer with: this release, and the versions of the packages that decide."""
    return {"archtrace": release(), "packages": packages((*DECIDING, *WITHOUT))}


def put(entry: Entry) -> None:
    """Add an answer to those that are shipped."""
    from archtrace_reports.text.files import replace

    FOLDER.mkdir(exist_ok=True)
    replace(_file(entry.subject), encode(entry))


def remove(target: str) -> None:
    """Remove the answer about a target from those that are shipped."""
    _file(target).unlink(missing_ok=True)


def entries() -> Iterator[Entry]:
    """All shipped answers, by name, whether they hold here or not."""
    for file in sorted(FOLDER.glob(f"*{ENDING}")):
        entry = decode(file.read_bytes())
        if entry is not None:
            yield entry


def _file(target: str) -> Path:
    return FOLDER / f"{target.replace('/', '--')}{ENDING}"
