"""Describe each readout: slice, kind, index expression, source line, and the way to the logits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch

from archtrace.answer.kinds import KINDS
from archtrace.answer.positions import Positions, Rows
from archtrace.answer.relations import Relation
from archtrace.answer.result import Index, KindName, PathStep, Readout, Source, Status
from archtrace.capture.inputs.layouts import Vocabulary
from archtrace.errors import CaptureError, LayoutError
from archtrace.reach.bound import Bound
from archtrace.readout.accesses import Key, accesses_of, end_of, rows_of_access
from archtrace.readout.analysis import Analysis, Carried
from archtrace.readout.expression import at_any_length, evaluates, numbers_near
from archtrace.readout.kind import Case, constant, kind_of, last_of, mask_of
from archtrace.readout.padding import tokens_carried
from archtrace.readout.selection import (
    Selection,
    find_selection,
    index_of,
    lead_of,
    paths,
    pooling,
    slice_text,
    subscripts,
    within_slice,
)
from archtrace.readout.source_expression import source_of
from archtrace.readout.tensors import ReadTensor


def readouts(
    analysis: Analysis,
    others: Sequence[Analysis],
    vocabulary: Vocabulary,
    names: Mapping[int, str],
    witnessed: Mapping[str, Positions | None],
    related: Sequence[Relation] = (),
) -> tuple[Readout, ...]:
    """The readouts of an analysis; `others` are of the same model in other lengths.

    `witnessed`: what the witness showed in each layout.
    `related`: of an output with positions, which position of a tensor reaches which.
    """
    describer = _Describer((analysis, *others), vocabulary, dict(names), _status(analysis, witnessed))
    by_name = {each.of: each for each in related if each.name != "all"}
    by_tensor = ((tensor.name, describer.of(tensor.name)) for tensor in analysis.tensors(analysis.reference))
    return tuple(readout for name, own in by_tensor for readout in _by_relation(own, by_name.get(name)))


def _by_relation(readouts: Iterable[Readout], relation: Relation | None) -> Iterator[Readout]:
    """Readouts in the terms of position i of the output, where these tell more than what all positions read."""
    if relation is None:
        yield from readouts
        return
    first, *_ = readouts
    kind = "each" if relation.name == "same" else first.kind
    # No input picks the positions: i does.
    yield replace(first, kind=kind, slice=f"{first.tensor}{relation.slice()}", index=Index("", ()))


def _status(analysis: Analysis, witnessed: Mapping[str, Positions | None]) -> Status:
    same = all((w := witnessed.get(name)) is not None and w.reads == p.reads for name, p in analysis.positions.items())
    return "exact" if same else "bound"


@dataclass(frozen=True, eq=False)
class _ReadInLayout:
    """A read tensor in one layout, among `tokens`; past no other read tensor, and to one `end` if given."""

    bound: Bound
    tokens: int
    tensor: ReadTensor
    others: frozenset[int]
    key: Key | None
    end: int | None

    @cached_property
    def selection(self) -> Selection:
        """How it is selected from."""
        return find_selection(self.bound, self.tensor, self.length, self.others, self.end)

    @property
    def length(self) -> int:
        """How many positions the tensor has."""
        return self.bound.run.shape(self.tensor.node)[self.tensor.axis]


@dataclass(frozen=True, eq=False)
class _Describer:
    """Describes readouts from the model in its lengths, of which the first leads; special ids have names."""

    analyses: tuple[Analysis, ...]
    vocabulary: Vocabulary
    names: dict[int, str]
    status: Status
    #: The cases of a tensor, and of one access to it, once they have been asked for.
    cases_by_access: dict[tuple[str, Key | None], list[Case]] = field(default_factory=dict)

    def of(self, name: str) -> list[Readout]:
        """The readouts of a tensor: one, or one for each access where one slice cannot say them all."""
        whole, keys = self._readout(name, None), accesses_of(name, self.analyses)
        if not keys or not self._needs_several(name, whole, keys):
            return [whole]
        ways = [way for key in keys if (way := self._readout(name, key)).kind != "none"]
        return list({(way.kind, way.slice): way for way in ways}.values())

    def _needs_several(self, name: str, whole: Readout, keys: Sequence[Key]) -> bool:
        """True where one slice does not say it all: positions are joined in several ways, or no formula picks them."""
        reads = [self._in_layouts(name, key)[0] for key in keys]
        kinds = {self._pooling_kind(within_slice(s.selection, s.bound), s.bound) for s in reads}
        unnamed = whole.kind == "other" and constant(self._cases(name, None)) is None
        return (len(kinds) > 1 or unnamed) and self._complete(name, keys)

    def _complete(self, name: str, keys: Sequence[Key]) -> bool:
        """Whether the accesses together take what is read."""
        whole = [case.rows for case in self._cases(name, None)]
        ways = [[case.rows for case in self._cases(name, key)] for key in keys]
        return all(
            all(set(row) == set().union(*parts) for row, *parts in zip(rows, *by_way, strict=True))
            for rows, *by_way in zip(whole, *ways, strict=True)
        )

    def _readout(self, name: str, key: Key | None) -> Readout:
        reads = self._in_layouts(name, key)
        first, cases = reads[0], self._cases(name, key)
        selection, tensor = first.selection, first.tensor
        own_axis = len({read.length for read in reads}) > 1 or first.length == first.tokens
        kind = kind_of(cases, self._pooling_kind(selection, first.bound), tokens=own_axis)
        formula = self._formula(name, key, cases)
        steps = paths((*selection.before, *selection.after))
        early = len(paths(selection.before)) if selection.first else 0
        return Readout(
            tensor=name,
            module=tensor.module,
            kind=kind,
            slice=slice_text(name, kind, self._picked(reads, cases, formula), mask_of(cases), tensor.axis),
            index=self._index(reads, kind, formula),
            status=self.status,
            source=_source(selection),
            path=tuple(module for module, _ in steps),
            steps=tuple(PathStep(module, op, n < early) for n, (module, op) in enumerate(steps)),
        )

    def _pooling_kind(self, selection: Selection, bound: Bound) -> KindName:
        return pooling(selection, bound, self.analyses[0].interpreter)

    def _index(self, reads: Sequence[_ReadInLayout], kind: KindName, formula: str | None) -> Index:
        if kind == "none":
            return Index("", ())
        analysis, first = self.analyses[0], self._index_of(reads[0], kind)
        # The end of a row is written alike at every length.
        at_edge = KINDS[kind].edge is not None
        if at_edge:
            return Index(formula or first.expression, first.depends_on)
        text = _at_any_length(analysis, reads, lambda read: self._index_of(read, kind).expression)
        return Index(formula or text, first.depends_on)

    def _index_of(self, read: _ReadInLayout, kind: KindName) -> Index:
        return index_of(read.selection, read.bound, kind, self.names)

    def _picked(self, reads: Sequence[_ReadInLayout], cases: Sequence[Case], formula: str | None) -> str:
        """The subscript that picks positions: a constant one, else as the graph computes it, one position a row."""
        text, lead = constant(cases), lead_of(reads[0].tensor.axis)
        if text is None and _reads_one_position(cases):
            written = "" if formula is not None else _at_any_length(self.analyses[0], reads, self._subscripts)
            if formula is None and evaluates(written, {*reads[0].bound.program.inputs, *self.names.values()}):
                return written
            text = last_of(cases) if formula is None else formula
        return f"[{lead}{text}]" if text else ""

    def _formula(self, name: str, key: Key | None, cases: Sequence[Case]) -> str | None:
        """Where a branch on the mask picks by another formula in another layout, one that holds in all; "" for none.

        None where the graph's own formula is one.
        """
        if constant(cases) is not None or not _reads_one_position(cases):
            return None
        texts = {self._subscripts(read) for read in self._programs(name, key)}
        return last_of(cases) or "" if len(texts) > 1 else None

    def _subscripts(self, read: _ReadInLayout) -> str:
        return subscripts(read.selection, read.bound, self.names)

    def _programs(self, name: str, key: Key | None) -> list[_ReadInLayout]:
        """A tensor in each program of the first length."""
        analysis = self.analyses[0]
        first = {id(bound.program): layout for layout, bound in reversed(analysis.bounds.items())}
        return [read for layout in first.values() if (read := _in_layout(analysis, layout, name, key)) is not None]

    def _in_layouts(self, name: str, key: Key | None) -> list[_ReadInLayout]:
        programs = (_in_layout(analysis, analysis.reference, name, key) for analysis in self.analyses)
        return [read for read in programs if read is not None]

    def _cases(self, name: str, key: Key | None) -> list[Case]:
        """What is read of a tensor, by one access if any is given, in every layout of every length."""
        if (name, key) not in self.cases_by_access:
            self.cases_by_access[name, key] = list(self._read_cases(name, key))
        return self.cases_by_access[name, key]

    def _read_cases(self, name: str, key: Key | None) -> Iterator[Case]:
        for analysis in self.analyses:
            for layout, positions in analysis.positions.items():
                length = _length(analysis, name, layout)
                if name in positions.reads and length is not None:
                    constant_rows = analysis.bounds[layout].constant(*analysis.reads(layout)[name])
                    text, tokens = _text_carried(analysis, layout, name)
                    rows: Rows = positions.reads[name] if key is None else rows_of_access(analysis, layout, name, key)
                    yield Case(rows, constant_rows, length, analysis.layouts[layout], self.vocabulary, tokens, text)


def _reads_one_position(cases: Sequence[Case]) -> bool:
    """True where each row reads one position in every layout."""
    return all(len(row) == 1 for case in cases for row in case.rows)


def _at_any_length(analysis: Analysis, reads: Sequence[_ReadInLayout], write: Callable[[_ReadInLayout], str]) -> str:
    """What is written in the first length, with numbers that follow the length written by it."""
    first = write(reads[0])
    if not numbers_near(first, reads[0].tokens):
        return first
    all_reads = [*reads, *_longer(analysis, reads[0])] if len(reads) == 1 else reads
    return at_any_length([first, *map(write, all_reads[1:])], [read.tokens for read in all_reads])


def _longer(analysis: Analysis, read: _ReadInLayout) -> list[_ReadInLayout]:
    """The same with one more token, where inputs were given in one length alone; nothing where that does not run."""
    layout = {name: _one_more(value, analysis.length) for name, value in analysis.layouts[analysis.reference].items()}
    try:
        longer = replace(analysis, layouts={analysis.reference: layout}, refused={}, carried={})
        again = _in_layout(longer, longer.reference, read.tensor.name, read.key)
    except (CaptureError, LayoutError):
        return []
    return [] if again is None else [again]


def _one_more(value: torch.Tensor, length: int) -> torch.Tensor:
    """An input with its last position twice, along the last axis that is as long as the tokens."""
    axis = next((a for a in reversed(range(value.ndim)) if value.shape[a] == length and a > 0), None)
    return value if axis is None else torch.cat([value, value.narrow(axis, length - 1, 1)], axis)


def _in_layout(analysis: Analysis, layout: str, name: str, key: Key | None) -> _ReadInLayout | None:
    bound, tensors = analysis.bounds[layout], analysis.tensors(layout)
    tensor = next((t for t in tensors if t.name == name), None)
    if tensor is None:
        return None
    others = frozenset(t.node for t in tensors) - {tensor.node}
    return _ReadInLayout(bound, analysis.length, tensor, others, key, end_of(analysis, layout, name, key))


def _length(analysis: Analysis, name: str, layout: str) -> int | None:
    place = analysis.reads(layout).get(name)
    return None if place is None else analysis.bounds[layout].run.shape(place[0])[place[1]]


def _text_carried(analysis: Analysis, layout: str, name: str) -> tuple[str, Carried]:
    """The text whose tokens a read tensor carries, the first of several; and what it carries of it."""
    by_text = {text: tokens_carried(of_text, layout)[name] for text, of_text in analysis.texts.items()}
    carrying = ((text, tokens) for text, tokens in by_text.items() if any(map(any, tokens)))
    return next(carrying, next(iter(by_text.items())))


def _source(selection: Selection) -> Source | None:
    return source_of(selection.first) if selection.first is not None else None
