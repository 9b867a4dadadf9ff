"""Servers: what each of them pools beside what the model reads, as lines, and the config files that they take."""

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


def server_lines(serving: Serving, width: int) -> list[StyledLine]:
    """What the model reads, a row a server, and the option that changes what differs."""
    read = ", ".join(serving.read) or "no hidden state"
    lines = [*block(f"{serving.class_name} reads {read}", width, style="bold"), StyledLine()]
    for server in serving.servers:
        lines += row(f"{server.server} {server.version}", _verdict(server), width, COLUMN, STYLES[server.same])
        if server.change:
            lines += row("", f"change it with {server.change}", width, COLUMN)
    return lines


def _verdict(server: Served) -> str:
    pooling = server.pooling
    if server.same is None:
        return f"does not serve it: {pooling.by}"
    if server.same:
        return f"the same{f' {server.note}' if server.note else ''}, by {pooling.by}"
    note = f" ({server.note})" if server.note else ""
    return f"{MISMATCH}: pools {noun_of_kind(pooling.kind or 'none')}, by {pooling.by}{note}"


def as_json(serving: Serving) -> str:
    """The same for programs, with the files that `--export` writes. ASCII throughout, so that any pipe takes it."""
    return json.dumps(
        {"format": FORMAT, "versions": versions(), "outcome": serving.outcome, **encode(serving)}, indent=2
    )


def export(serving: Serving, folder: Path, *, force: bool) -> list[Path]:
    """Write the pooling configs below a folder; their paths. TargetError where there is none to write, or, without
    `force`, where one would take the place of another text."""
    if not serving.files:
        raise _unwritten(
            folder, "; ".join(serving.unexported), "pool in code of your own, or serve transformers' class"
        )
    files = {folder / path: text for path, text in serving.files.items()}
    if not force and (other := next((f for f, text in files.items() if _differs(f, text)), None)):
        raise _unwritten(
            other, "there is a file of that name, which says something else", "name another folder; --force"
        )
    for file, text in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        replace(file, text)
    return list(files)


def _differs(file: Path, text: str) -> bool:
    return file.exists() and (not file.is_file() or file.read_bytes() != text.encode())


def _unwritten(where: Path, why: str, do: str) -> TargetError:
    return TargetError(message("the pooling cannot be exported", where=str(where), why=why, do=do))
