"""Shipped: the answers that come with archtrace, for the packages that they were made with."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from archtrace_reports.asking.question import Question
from archtrace_reports.asking.store.answer_store import ENDING, Entry, decode, encode
from archtrace_reports.asking.store.environment import made_here, packages, release

FOLDER = Path(__file__).parent / "answers"
#: Whose version decides what a classifier of the library does.
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
    kept = None
    with contextlib.suppress(OSError):
        kept = decode(_file(question.target).read_bytes())
    return kept if kept is not None and holds(kept) else None


def holds(kept: Entry) -> bool:
    """Whether an answer that came with archtrace is of this archtrace, these packages and these files."""
    wanted = kept.environment["packages"]
    return made_here(kept.environment["archtrace"]) and packages(wanted) == wanted and kept.holds()


def environment() -> dict[str, Any]:
    """What an answer of here and now needs, to be shipped."""
    return {"archtrace": release(), "packages": packages((*DECIDING, *WITHOUT))}


def put(kept: Entry) -> None:
    """Let an answer come with archtrace."""
    from archtrace_reports.text.files import replace

    FOLDER.mkdir(exist_ok=True)
    replace(_file(kept.subject), encode(kept))


def remove(target: str) -> None:
    """Let an answer no longer come with archtrace."""
    _file(target).unlink(missing_ok=True)


def entries() -> Iterator[Entry]:
    """All that came with archtrace, by name, whether it holds here or not."""
    for file in sorted(FOLDER.glob(f"*{ENDING}")):
        kept = decode(file.read_bytes())
        if kept is not None:
            yield kept


def _file(target: str) -> Path:
    return FOLDER / f"{target.replace('/', '--')}{ENDING}"
