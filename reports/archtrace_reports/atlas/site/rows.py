"""Rows: the outcomes of all editions sorted into one row for each class, or for each target that somebody named."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from archtrace.answer.result import Result
from archtrace_reports.text.report import Report, Unanswered
from archtrace_reports.text.untrusted import clean, clean_lines, cleaned

Outcome: TypeAlias = Result | Unanswered
#: The page of what has no model type.
UNTYPED = "other"
#: Before the name of a class of the library, in a target.
PREFIX = "transformers:"


@dataclass(frozen=True)
class Name:
    """What a row is about: a class of a model type, and the target where somebody named another than the class."""

    model_type: str
    class_name: str
    target: str = ""

    @property
    def page(self) -> str:
        """The file of its model type, from the folder of the atlas."""
        return f"models/{_file(self.model_type or UNTYPED)}.html"

    @property
    def anchor(self) -> str:
        """Where on its page it stands."""
        return _fragment(self.target or self.class_name)

    @property
    def address(self) -> str:
        """Where it stands, from the folder of the atlas. It stays the same from one atlas to the next."""
        return f"{self.page}#{self.anchor}"


@dataclass(frozen=True)
class AtlasRow:
    """The outcomes of all editions for one name, newest first; None where an edition has none."""

    name: Name
    head: str
    outcomes: tuple[Outcome | None, ...]

    @property
    def newest(self) -> Outcome:
        """The outcome in the newest edition that has one."""
        return next(outcome for outcome in self.outcomes if outcome is not None)


def rows_of(editions: Sequence[Report]) -> list[AtlasRow]:
    """Every name that an edition has an outcome for, sorted. Of two outcomes for one name in an edition the first
    counts."""
    tables = [_table(edition) for edition in editions]
    names = {name for table in tables for name in table}
    rows = (AtlasRow(name, head_of(name), tuple(table.get(name) for table in tables)) for name in names)
    return sorted(rows, key=lambda row: (row.name.model_type, _order(row.head), row.name.class_name, row.name.target))


def _table(edition: Report) -> dict[Name, Outcome]:
    by_name: dict[Name, Outcome] = {}
    # The lines of a reason stay apart: what, where, why, what to do.
    reasons = (Unanswered(clean(each.target), clean_lines(each.reason)) for each in edition.unanswered)
    outcomes: tuple[Outcome, ...] = (*cleaned(edition.results), *reasons)
    for outcome in outcomes:
        by_name.setdefault(_name(outcome), outcome)
    return by_name


def _name(outcome: Outcome) -> Name:
    return _of_result(outcome) if isinstance(outcome, Result) else _of_target(outcome.target)


def _of_result(result: Result) -> Name:
    kind, name = result.model_type or "", result.class_name
    usual = result.target in (kind, name, f"{PREFIX}{name}")
    return Name(kind, name, "" if usual else result.target)


def _of_target(target: str) -> Name:
    """Of a target without an answer, only what the library knows about its name is known."""
    name = target.removeprefix(PREFIX)
    if name in _classes():
        return Name(_classes()[name][0], name)
    usual = _usual().get(target)
    return Name(target, usual) if usual else Name("", "", target)


def head_of(name: Name) -> str:
    """The kind of head of a class; empty for one that is not the library's. An older edition may have classes that
    the library has dropped: those that were asked for by their type alone are sequence classifiers."""
    from archtrace.targets.head_kinds import DEFAULT

    known = _classes().get(name.class_name)
    return known[1] if known else "" if name.target else DEFAULT


def is_drawn(head: str) -> bool:
    """Whether the cone of a class is drawn: of sequence classifiers, and of what is not the library's. With those of
    all heads the pages would be ten times as large."""
    from archtrace.targets.head_kinds import DEFAULT

    return head in ("", DEFAULT)


def _order(head: str) -> int:
    from archtrace.targets.head_kinds import HEADS

    return list(HEADS).index(head) if head in HEADS else len(HEADS)


@cache
def _classes() -> Mapping[str, tuple[str, str]]:
    """Each class of the library with a head: its model type and the kind of its head."""
    from archtrace.targets.head_kinds import HEADS, every_class

    return {name: (kind, head) for head in [*HEADS][::-1] for kind, name in every_class(head)}


@cache
def _usual() -> Mapping[str, str]:
    """The usual sequence classifier of each model type."""
    from archtrace.targets.head_kinds import DEFAULT, classes

    return {kind: names[0] for kind, names in classes(DEFAULT).items()}


def _file(text: str) -> str:
    """A file name for any file system: some do not distinguish capitals."""
    return _safe(text, re.sub(r"[^a-z0-9_.-]", "-", text))


def _fragment(text: str) -> str:
    """A name that needs no escape behind the # of an address."""
    return _safe(text, re.sub(r"[^A-Za-z0-9_./-]", "-", text))


def _safe(text: str, plain: str) -> str:
    """A text that had to change to be an address gets a digest, so that no two become the same."""
    short = plain.strip(".")[:80]
    return short if short == text else f"{short}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def heads(rows: Sequence[AtlasRow]) -> Iterator[str]:
    """The kinds of heads that occur, in the order of the library's table."""
    yield from sorted({row.head for row in rows if row.head}, key=_order)
