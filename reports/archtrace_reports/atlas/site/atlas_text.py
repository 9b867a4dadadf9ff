"""Views: what the pages of the atlas say, as text; templates only place it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from archtrace.answer.kinds import KINDS
from archtrace.answer.result import Result
from archtrace_reports.atlas.site import editions as in_words
from archtrace_reports.atlas.site.document import worked
from archtrace_reports.atlas.site.layout_strip import LayoutStrip, strip
from archtrace_reports.atlas.site.rows import AtlasRow, Name, Outcome, is_drawn
from archtrace_reports.formats.html.page_text import ModelView, model_view
from archtrace_reports.text.report import Unanswered

#: The families beside the kinds, and what they are: rows that read in several ways, those without an answer, and those
#: of which the newest edition says nothing.
SEVERAL, MISSING, GONE = "several", "not answered", "gone"
FAMILIES = {name: kind.meaning for name, kind in KINDS.items()} | {
    SEVERAL: "positions picked in more than one way",
    MISSING: "with the reason why there is no answer",
    GONE: "in an older version alone: what it said last",
}


@dataclass(frozen=True)
class TableRow:
    """A row of the tables. `marks` are the words that filters look for, by filter."""

    name: Name
    head: str
    family: str
    reads: str
    padding: str
    leaks: str
    dead: str
    work: str
    status: str
    reason: str
    versions: str
    marks: tuple[tuple[str, str], ...]

    @property
    def label(self) -> str:
        """What stands in the first column."""
        return self.name.target or self.name.class_name


@dataclass(frozen=True)
class Edition:
    """A row in one edition; `differs` names the aspects in which it is not as in the next older edition."""

    name: str
    reads: str
    kind: str
    padding: str
    status: str
    reason: str
    differs: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Section:
    """A class on the page of its model type. `names` are the rows that share this answer, the first of them in `line`;
    `whole` where the cone is drawn too; `reasons`: the lines of why there is no answer."""

    line: TableRow
    names: tuple[Name, ...]
    model: ModelView | None
    picture: LayoutStrip | None
    editions: tuple[Edition, ...]
    whole: bool
    reasons: tuple[str, ...]

    @property
    def key(self) -> str:
        """Its anchor."""
        return self.line.name.anchor


def line(row: AtlasRow, names: Sequence[str]) -> TableRow:
    """A row as its newest edition has it."""
    outcome, kinds = row.newest, in_words.kinds(row.newest)
    family = kinds[0] if len(kinds) == 1 else SEVERAL if kinds else MISSING
    family = "none" if isinstance(outcome, Result) and not kinds else family
    family = family if row.outcomes[0] else GONE
    versions = _versions(row, names)
    read = isinstance(outcome, Result) and bool(outcome.padding.reads_padding)
    marks = {
        "kind": " ".join(dict.fromkeys([*kinds, mark(family)])),
        "head": row.head,
        "padding": " ".join(["read" if read else "unread", *(["leaks"] if in_words.leaks(outcome) else [])]),
        "status": in_words.status(outcome),
        "changed": versions.split(" ")[0],
    }
    return TableRow(
        name=row.name,
        head=row.head.replace("-", " "),
        family=family,
        reads=in_words.slices(outcome),
        padding=in_words.padding(outcome),
        leaks=in_words.leaks(outcome),
        dead=_dead(outcome),
        work=_work(outcome),
        status=in_words.status(outcome),
        reason=outcome.line if isinstance(outcome, Unanswered) else "",
        versions=versions,
        marks=tuple(marks.items()),
    )


def _versions(row: AtlasRow, names: Sequence[str]) -> str:
    """The newest edition in which the row is not what it was in the one before; or that it begins, or ends, there."""
    for number in range(len(names) - 1):
        new, old = row.outcomes[number : number + 2]
        if new and old and next(in_words.differences(old, new), None):
            return f"changed in {names[number]}"
    if row.outcomes[0] is None:
        last = next(name for name, outcome in zip(names, row.outcomes, strict=True) if outcome)
        return f"gone after {last}"
    return ""


def _dead(outcome: Outcome) -> str:
    if not isinstance(outcome, Result):
        return ""
    return f"{len(outcome.dead_parameters):,} of {outcome.parameters:,}" if outcome.dead_parameters else "none"


def _work(outcome: Outcome) -> str:
    """The share of the forward's work that reaches no output: without padding, and with the most wasteful one."""
    shares = [work.share for _, work in worked(outcome)] if isinstance(outcome, Result) else []
    if not shares:
        return ""
    return f"{shares[0]:.1%}" + (f" to {max(shares):.1%}" if max(shares) > shares[0] + 0.001 else "")


def mark(family: str) -> str:
    """A family in one word, for filters and addresses."""
    return family.replace(" ", "_")


@dataclass(frozen=True)
class Family:
    """The lines of one kind."""

    name: str
    meaning: str
    lines: tuple[TableRow, ...]

    @property
    def mark(self) -> str:
        """Its name in one word."""
        return mark(self.name)


def families(lines: Sequence[TableRow]) -> list[Family]:
    """The lines by family, in the order of the table of kinds."""
    order = list(FAMILIES)
    ordered = sorted(lines, key=lambda line: order.index(line.family))
    grouped = groupby(ordered, key=lambda line: line.family)
    return [Family(name, FAMILIES[name], tuple(group)) for name, group in grouped]


def sections(rows: Sequence[AtlasRow], names: Sequence[str]) -> Iterator[Section]:
    """The classes of one model type; targets with one answer share a section."""
    groups: list[list[AtlasRow]] = []
    near: dict[tuple[object, ...], list[list[AtlasRow]]] = {}
    for row in rows:
        # Whole answers are compared only where these agree: thousands of targets may stand on one page.
        alike = near.setdefault((row.name.class_name, *map(_shape, row.outcomes)), [])
        group = next((g for g in alike if row.name.target and _anonymous(g[0]) == _anonymous(row)), None)
        if group is None:
            group = []
            alike.append(group)
            groups.append(group)
        group.append(row)
    yield from (_section(group[0], tuple(row.name for row in group), names) for group in groups)


def _shape(outcome: Outcome | None) -> object:
    """What two answers that are the same have in common, and most others have not: it is quick to compare."""
    if not isinstance(outcome, Result):
        return outcome and outcome.reason
    return in_words.slices(outcome), outcome.parameters, *(work.flops for _, work in worked(outcome))


def _anonymous(row: AtlasRow) -> list[Outcome | None]:
    return [_untimed(replace(outcome, target="")) if outcome else None for outcome in row.outcomes]


def _untimed(outcome: Outcome) -> Outcome:
    """Without the seconds that it took: two runs give the same page."""
    return replace(outcome, seconds={}) if isinstance(outcome, Result) else outcome


def _section(row: AtlasRow, shared: tuple[Name, ...], names: Sequence[str]) -> Section:
    outcome = _untimed(row.newest)
    result = outcome if isinstance(outcome, Result) else None
    return Section(
        line=line(row, names),
        names=shared,
        model=model_view(result, row.name.anchor) if result else None,
        picture=strip(result) if result else None,
        editions=tuple(editions(row, names)),
        reasons=tuple(outcome.reason.split("\n")) if isinstance(outcome, Unanswered) else (),
        whole=result is not None and result.anatomy is not None and is_drawn(row.head),
    )


def editions(row: AtlasRow, names: Sequence[str]) -> Iterator[Edition]:
    """A row in each edition that has an outcome for it, newest first."""
    pairs = zip(names, row.outcomes, [*row.outcomes[1:], None], strict=True)
    for name, outcome, older in pairs:
        if outcome is not None:
            differs = frozenset(aspect for aspect, *_ in in_words.differences(older, outcome)) if older else frozenset()
            yield _edition(name, outcome, differs)


def _edition(name: str, outcome: Outcome, differs: frozenset[str]) -> Edition:
    leaks = in_words.leaks(outcome)
    return Edition(
        name=name,
        reads=in_words.slices(outcome) or ("nothing" if isinstance(outcome, Result) else ""),
        kind=in_words.ASPECTS["kind"](outcome),
        padding=in_words.padding(outcome) + (f"; leaks in {leaks}" if leaks else ""),
        status=in_words.status(outcome),
        reason=outcome.line if isinstance(outcome, Unanswered) else "",
        differs=differs,
    )
