"""Servers: what is said of them, as lines, and the files that they take."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from archtrace.answer.kinds import noun_of_kind
from archtrace.answer.serving import MISMATCH, Served, Serving
from archtrace.errors import TargetError, message
from archtrace_reports.formats.converter import encode
from archtrace_reports.text.files import replace
from archtrace_reports.text.lines import block, row
from archtrace_reports.text.report import versions
from archtrace_reports.text.styled import StyledLine

#: History of the JSON: 1, the first. A reader must ignore keys that it does not know.
FORMAT = 1
STYLES: Mapping[bool | None, str] = {True: "green", False: "bold red", None: "dim"}
#: Wide enough for the longest server with its version.
COLUMN = 30


def told(found: Serving, width: int) -> list[StyledLine]:
    """What the model reads, a row a server, and the option that changes what differs."""
    read = ", ".join(found.read) or "no hidden state"
    lines = [*block(f"{found.class_name} reads {read}", width, style="bold"), StyledLine()]
    for each in found.servers:
        lines += row(f"{each.server} {each.version}", _said(each), width, COLUMN, STYLES[each.same])
        if each.change:
            lines += row("", f"change it with {each.change}", width, COLUMN)
    return lines


def _said(each: Served) -> str:
    pooling = each.pooling
    if each.same is None:
        return f"does not serve it: {pooling.by}"
    if each.same:
        return f"the same{f' {each.note}' if each.note else ''}, by {pooling.by}"
    note = f" ({each.note})" if each.note else ""
    return f"{MISMATCH}: pools {noun_of_kind(pooling.kind or 'none')}, by {pooling.by}{note}"


def as_json(found: Serving) -> str:
    """The same for programs, with the files that `--export` writes. ASCII throughout, so that any pipe takes it."""
    return json.dumps({"format": FORMAT, "versions": versions(), "outcome": found.outcome, **encode(found)}, indent=2)


def export(found: Serving, folder: Path, *, force: bool) -> list[Path]:
    """Write the pooling configs below a folder; their paths. TargetError where there is none to write, or, without
    `force`, where one would take the place of another text."""
    if not found.files:
        raise _unwritten(folder, "; ".join(found.unexported), "pool in code of your own, or serve transformers' class")
    files = {folder / path: text for path, text in found.files.items()}
    if not force and (held := next((f for f, text in files.items() if _differs(f, text)), None)):
        raise _unwritten(
            held, "there is a file of that name, which says something else", "name another folder; --force"
        )
    for file, text in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        replace(file, text)
    return list(files)


def _differs(file: Path, text: str) -> bool:
    return file.exists() and (not file.is_file() or file.read_bytes() != text.encode())


def _unwritten(where: Path, why: str, do: str) -> TargetError:
    return TargetError(message("the pooling cannot be exported", where=str(where), why=why, do=do))
