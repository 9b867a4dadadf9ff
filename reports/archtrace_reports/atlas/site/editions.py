"""Editions: what an outcome says in few words, and what changed from one edition to the next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from archtrace.answer.result import Result
from archtrace_reports.atlas.site.rows import AtlasRow, Outcome
from archtrace_reports.text.report import Report
from archtrace_reports.text.tokens import leaked
from archtrace_reports.text.wording import enumerate_words

#: What stands for the status of a row without an answer.
UNANSWERED = "unanswered"


def slices(outcome: Outcome) -> str:
    """What is read, as expressions."""
    return enumerate_words([r.slice for r in outcome.readouts]) if isinstance(outcome, Result) else ""


def kinds(outcome: Outcome) -> tuple[str, ...]:
    """The kinds of what is read, each once."""
    return tuple(dict.fromkeys(r.kind for r in outcome.readouts)) if isinstance(outcome, Result) else ()


def padding(outcome: Outcome) -> str:
    """In which layouts a position is read that is padding."""
    if not isinstance(outcome, Result):
        return ""
    read = enumerate_words([name.replace("_", " ") for name in outcome.padding.reads_padding])
    return f"read in {read}" if read else "never read"


def leaks(outcome: Outcome) -> str:
    """In which layouts padding reaches the logits although it is not read; empty where it does not."""
    if not isinstance(outcome, Result) or not outcome.padding.leaks:
        return ""
    leaking = [layout.name for layout in outcome.layouts if layout.refused is None and leaked(layout)]
    # In a layout in which padding is read as well the two cannot be told apart: it is named where there is no other.
    names = [name for name in leaking if name not in outcome.padding.reads_padding] or leaking
    return enumerate_words([name.replace("_", " ") for name in names])


def status(outcome: Outcome) -> str:
    """exact, bound, or unanswered."""
    return outcome.status if isinstance(outcome, Result) else UNANSWERED


#: What is compared between editions, by what it is called.
ASPECTS: Mapping[str, Callable[[Outcome], str]] = {
    "reads": slices,
    "kind": lambda outcome: enumerate_words([kind.replace("_", " ") for kind in kinds(outcome)]),
    "padding": padding,
    "leaks": lambda outcome: leaks(outcome) or "none",
    "status": status,
}


#: Each aspect that differs, with its words before and after.
Differences: TypeAlias = tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Change:
    """How one row differs between two editions."""

    row: AtlasRow
    differences: Differences


@dataclass(frozen=True)
class EditionChange:
    """Two editions, one after the other: how many rows stand in both, which of them changed, and those of one alone."""

    older: str
    newer: str
    both: int
    changed: tuple[Change, ...]
    appeared: tuple[AtlasRow, ...]
    gone: tuple[AtlasRow, ...]

    @property
    def grouped(self) -> list[tuple[Differences, list[AtlasRow]]]:
        """The rows that changed alike together: first where something else is read, the most first."""
        groups: dict[Differences, list[AtlasRow]] = {}
        for change in self.changed:
            groups.setdefault(change.differences, []).append(change.row)
        order = list(ASPECTS)
        return sorted(groups.items(), key=lambda group: (order.index(group[0][0][0]), -len(group[1])))


def names_of(editions: Sequence[Report]) -> list[str]:
    """What each edition is called: the release of transformers, with more where two have the same."""
    releases = [edition.versions.get("transformers", "unknown") for edition in editions]
    alike = len(set(releases)) < len(releases)
    return [f"{release} (no. {number})" if alike else release for number, release in enumerate(releases, 1)]


def comparisons(rows: Sequence[AtlasRow], names: Sequence[str]) -> list[EditionChange]:
    """Each edition beside the one before it, the newest first."""
    return [_compared(rows, names, newer) for newer in range(len(names) - 1)]


def _compared(rows: Sequence[AtlasRow], names: Sequence[str], newer: int) -> EditionChange:
    pairs = [(row, row.outcomes[newer + 1], row.outcomes[newer]) for row in rows]
    # A kind of head that one of them was not asked about has neither come nor gone.
    heads_asked = [{row.head for row in rows if row.outcomes[number] is not None} for number in (newer, newer + 1)]
    both = heads_asked[0] & heads_asked[1]
    in_both = ((row, tuple(differences(old, new))) for row, old, new in pairs if old and new)
    return EditionChange(
        names[newer + 1],
        names[newer],
        sum(bool(old and new) for _, old, new in pairs),
        tuple(Change(row, changes) for row, changes in in_both if changes),
        tuple(row for row, old, new in pairs if new and not old and row.head in both),
        tuple(row for row, old, new in pairs if old and not new and row.head in both),
    )


def differences(old: Outcome, new: Outcome) -> Iterator[tuple[str, str, str]]:
    """Each aspect in which two outcomes differ, with its words before and after. Where one of them is no answer, that
    alone is named."""
    answered = isinstance(old, Result) and isinstance(new, Result)
    for name, words in ASPECTS.items():
        before, after = words(old), words(new)
        if before != after and (answered or name == "status"):
            yield name, before, after
