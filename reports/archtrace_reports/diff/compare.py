"""Compare: two results as one frozen value: a sentence a change, facts beside each other, the path line by line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Literal, TypeAlias

from archtrace.answer.kinds import noun
from archtrace.answer.result import Readout, Result, Status
from archtrace_reports.diff.renaming import nameless
from archtrace_reports.text.facts import config_words, padding_words, parameters_words
from archtrace_reports.text.report import Report
from archtrace_reports.text.wording import enumerate_words

#: same: on both sides. left, right: on one alone.
Side: TypeAlias = Literal["same", "left", "right"]
Plain: TypeAlias = Callable[[str], str]


@dataclass(frozen=True)
class Fact:
    """One fact of both sides; `differs` where they do so in more than in names."""

    label: str
    left: str
    right: str
    differs: bool


@dataclass(frozen=True)
class PathLine:
    """One step of the path."""

    side: Side
    text: str


@dataclass(frozen=True)
class Comparison:
    """The differences between two results. `sentences` say what changed from left to right, the readout first."""

    left: Result
    right: Result
    sentences: tuple[str, ...]
    rows: tuple[Fact, ...]
    path: tuple[PathLine, ...]

    @property
    def same(self) -> bool:
        """True when both read the same slices by the same rule, with the same padding and parameters."""
        return not self.sentences

    @property
    def renamed(self) -> bool:
        """True when nothing at all differs but what things are called."""
        alike = self.same and all(line.side == "same" for line in self.path)
        other_names = any(row.left != row.right for row in self.rows)
        return alike and other_names and not any(row.differs for row in self.rows)


def compare(left: Result, right: Result) -> Comparison:
    """What changed from one answer to another."""
    rows = tuple(_row(label, left, right) for label in FACTS)
    sentences = (sentence[:1].upper() + sentence[1:] for sentence in _sentences(left, right))
    return Comparison(left, right, tuple(sentences), rows, tuple(_path(left, right)))


def _row(label: str, left: Result, right: Result) -> Fact:
    words = FACTS[label]
    key = KEYS.get(label, words)
    return Fact(label, words(left), words(right), nameless(left)(key(left)) != nameless(right)(key(right)))


STATUS: Mapping[Status, str] = {"exact": "exact", "bound": "a bound"}


def _sentences(left: Result, right: Result) -> Iterator[str]:
    plain = nameless(left), nameless(right)
    for before, after in zip_longest(left.readouts, right.readouts):
        yield from _readout(before, after, *plain)
    if left.padding != right.padding:
        yield f"Padding, before: {padding_words(left)}. After: {padding_words(right)}."
    if {*map(plain[0], left.dead_parameters)} != {*map(plain[1], right.dead_parameters)}:
        yield f"Parameters, before: {parameters_words(left)}. After: {parameters_words(right)}."


def _readout(before: Readout | None, after: Readout | None, old: Plain, new: Plain) -> Iterator[str]:
    """One readout of each side, in the order in which they are shown; `old` and `new` take their names away."""
    if before is None or after is None:
        yield f"{_noun(after)} is read now." if after else f"{_noun(before)} is no longer read."
        return
    if old(_noun(before)) != new(_noun(after)):
        yield f"{_noun(before)} became {_noun(after)}."
    elif old(before.slice) != new(after.slice) or before.index != after.index:
        yield f"{_noun(before)}: {before.slice} became {after.slice}."
    if before.index.depends_on != after.index.depends_on and before.kind == after.kind:
        yield f"The index looked at {_inputs(before)}; it looks at {_inputs(after)} now."
    if before.status != after.status:
        yield f"The answer was {STATUS[before.status]}; it is {STATUS[after.status]} now."


def _noun(readout: Readout | None) -> str:
    return noun(readout) if readout else ""


def _inputs(readout: Readout) -> str:
    return enumerate_words(readout.index.depends_on) or "no input"


def _source(readout: Readout) -> str:
    source = readout.source
    return f"{source.file.rpartition('/')[2]}:{source.line}, {source.function}" if source else ""


def _place(readout: Readout) -> str:
    """The source without its line, which moves with whatever is written above it."""
    return re.sub(r":\d+(?=, )", "", _source(readout))


def _each(words: Callable[[Readout], str]) -> Callable[[Result], str]:
    return lambda result: "; ".join(text for readout in result.readouts if (text := words(readout))) or "nothing"


#: The rows, in order: label -> the function for a result's words.
FACTS: Mapping[str, Callable[[Result], str]] = {
    "class": lambda result: result.class_name,
    "kind": _each(lambda readout: readout.kind),
    "slice": _each(lambda readout: readout.slice),
    "index": _each(lambda readout: readout.index.expression),
    "looks at": _each(_inputs),
    "source": _each(_source),
    "padding": padding_words,
    "parameters": parameters_words,
    "status": lambda result: result.status,
    "config": config_words,
}  # fmt: skip


#: Rows that are compared by something else than their words.
KEYS: Mapping[str, Callable[[Result], str]] = {
    "source": _each(_place),
    # Where a config came from says nothing about the model; what it was traced with may.
    "config": lambda result: result.versions.get("transformers", ""),
}


def _path(left: Result, right: Result) -> Iterator[PathLine]:
    """The steps of both, aligned; a step is the same where it does the same, whatever its module is called."""
    before, after = _steps(left), _steps(right)
    matcher = SequenceMatcher(None, [key for key, _ in before], [key for key, _ in after], autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            yield from (PathLine("same", text) for _, text in after[c:d])
        else:
            yield from (PathLine("left", text) for _, text in before[a:b])
            yield from (PathLine("right", text) for _, text in after[c:d])


def _steps(result: Result) -> list[tuple[str, str]]:
    """What each step does (its last name and op), and the text for it."""
    steps = []
    for readout in result.readouts:
        steps.append((readout.slice, readout.slice))
        for step in readout.steps:
            text = f"{step.module} ({step.detail})" if step.module and step.detail else step.module or step.detail
            steps.append((f"{step.module.rpartition('.')[2]} {step.detail}", text))
    return [*steps, ("logits", "logits")]


@dataclass(frozen=True)
class Lost:
    """A target that a side has no answer about, and why; `side` is "same" where neither has one."""

    target: str
    side: Side
    reason: str


@dataclass(frozen=True)
class Difference:
    """All that was compared; in the order of the left side, what the right alone has last."""

    comparisons: tuple[Comparison, ...]
    lost: tuple[Lost, ...] = ()

    @property
    def same(self) -> bool:
        """Whether each pair reads the same, and none was lost."""
        return all(pair.same for pair in self.comparisons) and all(pair.side == "same" for pair in self.lost)

    @property
    def one_pair(self) -> bool:
        """Whether there are but two answers to show."""
        return len(self.comparisons) == 1 and not self.lost


def pair(left: Report, right: Report) -> Difference:
    """The answers of two reports about the same target; where each holds one alone, those two."""
    if len(left.results) == len(right.results) == 1 and not (left.unanswered or right.unanswered):
        return Difference((compare(left.results[0], right.results[0]),))
    before, after = _by_target(left), _by_target(right)
    pairs = tuple(compare(before[key], after[key]) for key in before if key in after)
    gone = [Lost(key[0], "right", _why(right, key[0])) for key in before if key not in after]
    new = [Lost(key[0], "left", _why(left, key[0])) for key in after if key not in before]
    known = {target for target, _ in (*before, *after)}
    failures = (failure for failure in right.unanswered if failure.target not in known)
    neither = [Lost(failure.target, "same", failure.line) for failure in failures]
    return Difference(pairs, (*gone, *new, *neither))


def _by_target(report: Report) -> dict[tuple[str, int], Result]:
    """By target and how often it was asked about before: a target may be declared with several configs."""
    results: dict[tuple[str, int], Result] = {}
    for result in report.results:
        number = sum(target == result.target for target, _ in results)
        results[result.target, number] = result
    return results


def _why(report: Report, target: str) -> str:
    return next((failure.line for failure in report.unanswered if failure.target == target), "it was not asked about")
