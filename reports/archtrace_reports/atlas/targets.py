"""Targets: what an atlas asks about: the library's classes, or the lines of a list; and answers of other versions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from archtrace.errors import TargetError, message
from archtrace.targets.head_kinds import DEFAULT
from archtrace_reports.asking.engine import reason
from archtrace_reports.asking.question import Question
from archtrace_reports.asking.sweep import EVERY, everything
from archtrace_reports.atlas.structure import AtlasTarget, atlas_target
from archtrace_reports.text.report import Unanswered

#: Look-ups at once: each waits for the Hub most of the time.
LOOK_UPS = 16


@dataclass(frozen=True)
class ListedTarget:
    """A line of a list: its number, and the target that stands in it."""

    number: int
    target: str


def library(heads: bool) -> list[AtlasTarget]:
    """Every sequence classifier of the library; with `heads` every class with another head too, of few layers."""
    questions = everything(Question(""))
    if heads:
        questions += [question for question in everything(Question("", head=EVERY)) if question.head != DEFAULT]
    return [AtlasTarget(question.target, question) for question in questions]


def lines(file: Path) -> list[ListedTarget]:
    """The targets of a list, one a line; what follows a # at the beginning of a word is a comment. Each is there once.
    TargetError names the line that holds no target."""
    targets: dict[str, ListedTarget] = {}
    for number, text in enumerate(_text(file).splitlines(), start=1):
        target = _without_comment(text).strip()
        if target:
            _check(target, f"{file}:{number}")
            targets.setdefault(target, ListedTarget(number, target))
    if not targets:
        raise TargetError(message("the list names no target", where=str(file), do="write one a line, such as bert"))
    return [*targets.values()]


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        number = file.read_bytes()[: error.start].count(b"\n") + 1
        raise TargetError(
            message("the list is not UTF-8 text", where=f"{file}:{number}", do="save it as UTF-8")
        ) from None
    except OSError as error:
        why = error.strerror or str(error)
        raise TargetError(message("the list cannot be read", where=str(file), why=why, do="name a text file")) from None


def _without_comment(line: str) -> str:
    # An address may have a # inside: only one that begins a word begins a comment.
    words = line.split(" #", 1)[0]
    return "" if words.lstrip().startswith("#") else words


def _check(target: str, where: str) -> None:
    if not target.isprintable():
        raise _bad(target, where, "it holds a character that cannot be printed", "write the target's name alone")
    if target.startswith("-") or " --" in target:
        raise _bad(target, where, "it holds an option, and a list has targets alone", "write the target's name alone")
    if " " in target and not Path(target.partition(":")[0]).expanduser().exists() and "/" not in target:
        raise _bad(target, where, "it is several words, and no file or folder is called so", "write one target a line")


def _bad(target: str, where: str, why: str, do: str) -> TargetError:
    shown = target if len(target) <= 60 else f"{target[:59]}…"
    return TargetError(message(f"the line names no target: {shown!r}", where=where, why=why, do=do))


def looked_up(lines_of_list: Sequence[ListedTarget]) -> Iterator[tuple[ListedTarget, AtlasTarget | Unanswered]]:
    """Each line with what is asked about its target, in order; or with why there is nothing to ask about."""
    pool = ThreadPoolExecutor(LOOK_UPS)
    try:
        yield from zip(lines_of_list, pool.map(_looked_up, lines_of_list), strict=True)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _looked_up(line: ListedTarget) -> AtlasTarget | Unanswered:
    try:
        return atlas_target(line.target)
    except Exception as error:  # whatever a config may hold: the others go on
        return Unanswered(line.target, reason(error))
