"""JSON: the whole report for programs, as `formats/schema/result-3.json` says; in ASCII, which any pipe takes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from archtrace.answer.positions import Positions, Rows
from archtrace.answer.relations import Relation
from archtrace.answer.result import LayoutResult, Readout, Result
from archtrace.answer.texts import Texts
from archtrace_reports.text.look import Look
from archtrace_reports.text.report import Report, versions
from archtrace_reports.text.tokens import nested

SUFFIXES = (".json",)
DRAWN = False
#: History: 1, the first; 2, `output` and `outputs`, and a parameter is dead only if it reaches none of these; an output
#: with positions has `relations`, and what reaches `each` of them; `others` are further texts; `padding` is told by
#: input and tensor; `fields` say what of an image stands where; `work` counts what is computed in vain; `setup` is
#: of a tokenizer, `frame` what it sets around a text; a step is `early` where it runs on every position;
#: 3, what differs from run to run is in `run`, where `seconds` was beside the rest. Readers must
#: ignore keys that they do not know; the number rises when a known key changes.
FORMAT = 3
#: An input of more numbers than this is told by its shape: no text has so many tokens.
MOST = 100_000
#: Values that fit stand on one line: rows of positions would fill screens.
LINE = 110


def render(report: Report, look: Look) -> str:
    """The document, indented."""
    del look
    return f"{_pretty(document(report))}\n"


def document(report: Report) -> dict[str, Any]:
    """The report as plain dicts and lists."""
    return {
        "format": FORMAT,
        "versions": dict(report.versions) or versions(),
        "results": [encode(result) for result in report.results],
        "unanswered": [asdict(unanswered) for unanswered in report.unanswered],
    }


def encode(result: Result) -> dict[str, Any]:
    """One result as plain dicts and lists; `decode` in `load.py` undoes it."""
    return {
        "target": result.target,
        "class": result.class_name,
        "model_type": result.model_type,
        "config_source": result.config_source,
        "status": result.status,
        "setup": asdict(result.setup) if result.setup else None,
        "output": result.output,
        "outputs": list(result.outputs),
        "fields": [asdict(each) for each in result.fields],
        "relations": [_relation(relation) for relation in result.relations],
        "frame": asdict(result.frame) if result.frame else None,
        "readouts": [_readout(readout) for readout in result.readouts],
        "layouts": [_layout(layout) for layout in result.layouts],
        "padding": {"leaks": result.padding.leaks, "reads_padding": list(result.padding.reads_padding)},
        "parameters": result.parameters,
        "dead_parameters": list(result.dead_parameters),
        "dead_modules": list(result.dead_modules),
        "findings": [asdict(finding) for finding in result.findings],
        "versions": dict(result.versions),
        **_run(result),
    }


def _run(result: Result) -> dict[str, Any]:
    """What differs from run to run; nothing of a result that forgot it."""
    told = {"traced": result.traced, "seconds": dict(result.seconds), "kept": result.kept}
    return {"run": told} if any(told.values()) else {}


def _relation(relation: Relation) -> dict[str, Any]:
    return asdict(relation) | {"words": relation.words}


def _readout(readout: Readout) -> dict[str, Any]:
    return {
        "tensor": readout.tensor,
        "module": readout.module,
        "kind": readout.kind,
        "slice": readout.slice,
        "index": {"expression": readout.index.expression, "depends_on": list(readout.index.depends_on)},
        "status": readout.status,
        "source": asdict(readout.source) if readout.source else None,
        "path": list(readout.path),
        "steps": [asdict(step) for step in readout.steps],
    }


def _layout(layout: LayoutResult) -> dict[str, Any]:
    return {
        "name": layout.name,
        "inputs": {name: _input(nested(value)) for name, value in layout.inputs.items()},
        **_positions(layout.bound),
        "witness": _positions(layout.witness) if layout.witness else None,
        "status": layout.status,
        "refused": layout.refused,
        "each": [_positions(some) for some in layout.each],
        "witness_each": [_positions(some) for some in layout.witness_each],
        "work": asdict(layout.work) if layout.work else None,
        "padding": _reads(layout.padding),
        "texts": _texts(layout.texts) if layout.texts else None,
    }


def _texts(texts: Texts) -> dict[str, Any]:
    return {"tokens": [list(row) for row in texts.tokens], "read": [list(row) for row in texts.read]}


def _positions(positions: Positions) -> dict[str, Any]:
    tokens = [list(row) for row in positions.tokens]
    return {"reads": _reads(positions.reads), "tokens": tokens, "others": _reads(positions.others)}


def _reads(found: Mapping[str, Rows]) -> dict[str, list[list[int]]]:
    return {name: [list(row) for row in rows] for name, rows in found.items()}


def _input(value: Any) -> Any:
    """An input; of pixels and sound, whose values stand for any, the shape alone."""
    shape = tuple(_lengths(value))
    return {"shape": list(shape)} if math.prod(shape) > MOST else _plain(value)


def _lengths(value: Any) -> Iterator[int]:
    while isinstance(value, list | tuple) and value:
        yield len(value)
        value = value[0]


def _plain(value: Any) -> Any:
    """An input as JSON can hold it: it knows no infinity."""
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, bool | int | float | str | None) else str(value)


def _pretty(value: Any, indent: int = 0) -> str:
    line = json.dumps(value, allow_nan=False)
    if indent + len(line) <= LINE or not isinstance(value, dict | list):
        return line
    margin = " " * (indent + 2)
    if isinstance(value, dict):
        parts = [f"{margin}{json.dumps(key)}: {_pretty(item, indent + 2)}" for key, item in value.items()]
        return _enclosed("{", parts, "}", indent)
    return _enclosed("[", [margin + _pretty(item, indent + 2) for item in value], "]", indent)


def _enclosed(opening: str, parts: list[str], closing: str, indent: int) -> str:
    return "\n".join([opening, ",\n".join(parts), " " * indent + closing])
