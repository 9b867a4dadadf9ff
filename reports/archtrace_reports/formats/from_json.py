"""A result from its JSON, the inverse of `converter.encode`.

By hand, unlike all other values: every known answer is read so. With cattrs 26.1, which imports forty modules and
compiles code for each class, `archtrace bert-base-uncased` took 128 ms of CPU instead of 84 where `python -c pass` took
9.7 (medians of 21 runs by turns, in a checkout), and from a wheel up to 12.4 bare starts, where 12 are allowed
(tests/install/test_shipped_answers.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from archtrace.answer.diagnosis import Diagnosis, Fault
from archtrace.answer.fields import Fields
from archtrace.answer.positions import Positions, Rows
from archtrace.answer.relations import Relation
from archtrace.answer.result import Finding, Index, LayoutResult, Padding, PathStep, Readout, Result, Source
from archtrace.answer.texts import SpecialTokens, Texts
from archtrace.answer.work import ModuleWork, Work


def decode(value: Mapping[str, Any]) -> Result:
    """The frozen result. KeyError or TypeError where the value is no result. One of format 1 was about the
    logits, and up to format 2 the seconds stood beside the rest."""
    run = value.get("run", {})
    return Result(
        target=value["target"],
        class_name=value["class"],
        model_type=value["model_type"],
        config_source=value["config_source"],
        readouts=tuple(_readout(readout) for readout in value["readouts"]),
        layouts=tuple(_layout(layout) for layout in value["layouts"]),
        padding=Padding(value["padding"]["leaks"], tuple(value["padding"]["reads_padding"])),
        parameters=value["parameters"],
        dead_parameters=tuple(value["dead_parameters"]),
        dead_modules=tuple(value["dead_modules"]),
        findings=tuple(Finding(**finding) for finding in value["findings"]),
        seconds=dict(run.get("seconds", value.get("seconds", {}))),
        traced=run.get("traced", ""),
        kept=run.get("kept", False),
        versions=dict(value["versions"]),
        output=value.get("output", "logits"),
        outputs=tuple(value.get("outputs", ["logits"])),
        relations=tuple(_relation(relation) for relation in value.get("relations", [])),
        fields=tuple(_fields(each) for each in value.get("fields", [])),
        frame=_frame(value["frame"]) if value.get("frame") else None,
        setup=_setup(value["setup"]) if value.get("setup") else None,
    )


def _setup(value: Mapping[str, Any]) -> Diagnosis:
    faults = tuple(Fault(**fault) for fault in value["faults"])
    return Diagnosis(
        value["target"], value["opinion"], value["reason"], faults, tuple(value["read"]), tuple(value["notes"])
    )


def _readout(value: Mapping[str, Any]) -> Readout:
    return Readout(
        tensor=value["tensor"],
        module=value["module"],
        kind=value["kind"],
        slice=value["slice"],
        index=Index(value["index"]["expression"], tuple(value["index"]["depends_on"])),
        status=value["status"],
        source=Source(**value["source"]) if value["source"] else None,
        path=tuple(value["path"]),
        steps=tuple(PathStep(**step) for step in value["steps"]),
    )


def _fields(value: Mapping[str, Any]) -> Fields:
    of = (None if field is None else tuple((start, stop) for start, stop in field) for field in value["of"])
    return Fields(value["tensor"], value["input"], tuple(value["axes"]), tuple(of))


def _relation(value: Mapping[str, Any]) -> Relation:
    return Relation(value["of"], value["name"], value["masked"], value["reach"])


def _layout(value: Mapping[str, Any]) -> LayoutResult:
    witness = _positions(value["witness"]) if value["witness"] else None
    each, shown = (tuple(map(_positions, value.get(key, []))) for key in ("each", "witness_each"))
    return LayoutResult(
        name=value["name"],
        inputs=value["inputs"],
        bound=_positions(value),
        witness=witness,
        status=value["status"],
        refused=value["refused"],
        each=each,
        witness_each=shown,
        work=_work(value["work"]) if value.get("work") else None,
        padding=_each(value.get("padding", {})),
        texts=_texts(value["texts"]) if value.get("texts") else None,
    )


def _texts(value: Mapping[str, Any]) -> Texts:
    return Texts(tuple(map(tuple, value["tokens"])), _rows(value["read"]))


def _frame(value: Mapping[str, Any]) -> SpecialTokens:
    return SpecialTokens(tuple(value["before"]), tuple(value["after"]), value["padding"])


def _work(value: Mapping[str, Any]) -> Work:
    return Work(value["flops"], value["dead"], tuple(ModuleWork(**part) for part in value["parts"]))


def _positions(value: Mapping[str, Any]) -> Positions:
    return Positions(_each(value["reads"]), _rows(value["tokens"]), _each(value.get("others", {})))


def _each(value: Mapping[str, Any]) -> dict[str, Rows]:
    return {name: _rows(rows) for name, rows in value.items()}


def _rows(value: Sequence[Sequence[int]]) -> Rows:
    return tuple(tuple(row) for row in value)
