"""Describe each readout: slice, kind, index expression, source line, and the way to the logits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archtrace.answer.positions import Positions
from archtrace.answer.result import Index, Readout, Source, Status, Step
from archtrace.layouts import Vocabulary
from archtrace.reach.bound import Bound
from archtrace.readout.kind import Case, constant, kind_of, mask_of
from archtrace.readout.padding import Carried, carried
from archtrace.readout.selection import (
    Selection,
    index_of,
    lead_of,
    paths,
    pooling,
    selection,
    slice_text,
    subscripts,
)
from archtrace.readout.source import source_of
from archtrace.readout.study import Study
from archtrace.readout.tensors import ReadTensor


def readouts(
    study: Study,
    others: Sequence[Study],
    words: Vocabulary,
    names: Mapping[int, str],
    seen: Mapping[str, Positions | None],
) -> tuple[Readout, ...]:
    """The readouts of a study; `others` are of the same model in other lengths, `seen` is the witness per layout."""
    tensors = study.tensors(study.telling)
    return tuple(_readout(tensor, study, others, words, dict(names), _status(study, seen)) for tensor in tensors)


def _status(study: Study, seen: Mapping[str, Positions | None]) -> Status:
    same = all((w := seen.get(name)) is not None and w.reads == p.reads for name, p in study.positions.items())
    return "exact" if same else "bound"


def _readout(
    tensor: ReadTensor,
    study: Study,
    others: Sequence[Study],
    words: Vocabulary,
    names: dict[int, str],
    status: Status,
) -> Readout:
    found = study.bounds[study.telling]
    length = found.run.shape(tensor.node)[tensor.axis]
    chosen = selection(found, tensor, length, frozenset(t.node for t in study.tensors(study.telling)) - {tensor.node})
    lengths = {_length(s, tensor.name) for s in (study, *others)} - {None}
    own_axis = len(lengths) > 1 or length == study.length
    cases = _cases(tensor.name, (study, *others), words)
    kind = kind_of(cases, pooling(chosen, found), tokens=own_axis)
    index = index_of(chosen, found, kind, names) if kind != "none" else Index("", ())
    steps = paths((*chosen.before, *chosen.after))
    return Readout(
        tensor=tensor.name,
        module=tensor.module,
        kind=kind,
        slice=slice_text(tensor.name, kind, _picked(chosen, found, cases, names), mask_of(cases), tensor.axis),
        index=index,
        status=status,
        source=_source(chosen),
        path=tuple(module for module, _ in steps),
        steps=tuple(Step(module, op) for module, op in steps),
    )


def _picked(chosen: Selection, found: Bound, cases: Sequence[Case], names: dict[int, str]) -> str:
    """The subscript that picks positions: a constant one, else as the graph computes it where it picks one a row."""
    text = constant(cases)
    if text is not None:
        return f"[{lead_of(chosen.tensor.axis)}{text}]"
    single = all(len(row) == 1 for case in cases for row in case.rows)
    return subscripts(chosen, found, names) if single else ""


def _length(study: Study, name: str, layout: str | None = None) -> int | None:
    layout = layout or study.telling
    place = study.reads(layout).get(name)
    return None if place is None else study.bounds[layout].run.shape(place[0])[place[1]]


def _cases(name: str, studies: Sequence[Study], words: Vocabulary) -> list[Case]:
    cases = []
    for study in studies:
        for layout, found in study.positions.items():
            length = _length(study, name, layout)
            if name in found.reads and length is not None:
                still = study.bounds[layout].constant(*study.reads(layout)[name])
                text, tokens = _carried(study, layout, name)
                cases.append(Case(found.reads[name], still, length, study.layouts[layout], words, tokens, text))
    return cases


def _carried(study: Study, layout: str, name: str) -> tuple[str, Carried]:
    """The text whose tokens a read tensor carries, the first of several; and what it carries of it."""
    found = {text: carried(told, layout)[name] for text, told in study.texts.items()}
    return next(((text, c) for text, c in found.items() if any(map(any, c))), next(iter(found.items())))


def _source(chosen: Selection) -> Source | None:
    return source_of(chosen.first) if chosen.first is not None else None
