"""Document: the atlas for programs, as `formats/schema/atlas-1.json` says. The same answers give the same bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from archtrace.answer.kinds import KINDS
from archtrace.answer.result import Readout, Result
from archtrace.answer.work import Work
from archtrace_reports.atlas.site.editions import Change, EditionChange, status
from archtrace_reports.atlas.site.rows import AtlasRow, Outcome
from archtrace_reports.formats.converter import encode
from archtrace_reports.text.report import Report, Unanswered
from archtrace_reports.text.wording import headline

#: History: 1, the first. Readers must ignore keys that they do not know; the number rises when a known key changes.
FORMAT = 1


def text_of(document: dict[str, Any]) -> str:
    """The document as text: ASCII, a row a line, so that two of them can be compared line by line."""
    lines = (f"{json.dumps(key)}: {_listed(value)}" for key, value in document.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _listed(value: Any) -> str:
    if not isinstance(value, list) or not value:
        return json.dumps(value, allow_nan=False)
    return "[\n" + ",\n".join(json.dumps(item, allow_nan=False) for item in value) + "\n]"


def document(
    editions: Sequence[Report], names: Sequence[str], rows: Sequence[AtlasRow], compared: Sequence[EditionChange]
) -> dict[str, Any]:
    """The atlas as plain dicts and lists; the newest edition stands first everywhere."""
    return {
        "atlas": FORMAT,
        "editions": [
            {"name": name, "versions": dict(sorted(edition.versions.items()))}
            for name, edition in zip(names, editions, strict=True)
        ],
        "kinds": {name: kind.meaning for name, kind in KINDS.items()},
        "rows": [_row(row) for row in rows],
        "changes": [_change(change, each) for each in compared for change in each.changed],
    }


def _row(row: AtlasRow) -> dict[str, Any]:
    return {
        "address": row.name.address,
        "model_type": row.name.model_type or None,
        "class": row.name.class_name or None,
        "head": row.head or None,
        "target": row.newest.target,
        "answers": [None if outcome is None else answer(outcome) for outcome in row.outcomes],
    }


def answer(outcome: Outcome) -> dict[str, Any]:
    """A row's outcome in one edition."""
    if isinstance(outcome, Unanswered):
        return {"status": status(outcome), "reason": outcome.reason}
    return {
        "status": outcome.status,
        "sentence": headline(outcome),
        "output": outcome.output,
        "readouts": [_readout(readout) for readout in outcome.readouts],
        "padding": {"leaks": outcome.padding.leaks, "reads_padding": list(outcome.padding.reads_padding)},
        "parameters": outcome.parameters,
        "dead_parameters": len(outcome.dead_parameters),
        "dead_modules": list(outcome.dead_modules),
        "dead_work": [*_dead_work(outcome)],
        "findings": encode(outcome.findings),
    }


def _readout(readout: Readout) -> dict[str, Any]:
    source = readout.source
    return {
        "tensor": readout.tensor,
        "kind": readout.kind,
        "slice": readout.slice,
        "index": readout.index.expression,
        "depends_on": list(readout.index.depends_on),
        "source": f"{source.file}:{source.line}" if source else None,
        "function": source.function if source else None,
    }


def worked(result: Result) -> Iterator[tuple[str, Work]]:
    """The layouts whose work was counted."""
    for layout in result.layouts:
        if layout.work and layout.work.flops:
            yield layout.name, layout.work


def _dead_work(result: Result) -> Iterator[dict[str, Any]]:
    for name, work in worked(result):
        yield {"layout": name, "flops": work.flops, "dead": work.dead}


def _change(change: Change, compared: EditionChange) -> dict[str, Any]:
    changes = {name: {"before": before, "after": after} for name, before, after in change.differences}
    return {"address": change.row.name.address, "from": compared.older, "to": compared.newer, "differences": changes}
