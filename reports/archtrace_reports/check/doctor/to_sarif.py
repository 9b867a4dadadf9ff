"""SARIF: the faults as code scanning takes them, at the file of the checkpoint that holds what is to be changed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from archtrace.answer.diagnosis import WRONG, Diagnosis, Fault
from archtrace_reports.check.formats import to_sarif
from archtrace_reports.check.problem import CheckResult, Problem
from archtrace_reports.check.settings import settings
from archtrace_reports.text.look import Look
from archtrace_reports.text.untrusted import cleaned

SUFFIXES = (".sarif", ".sarif.json")
_MODEL, _TOKENIZER = "config.json", "tokenizer_config.json"
#: Fault -> the file of a checkpoint that holds what is to be changed, and the key; any other is reported at the config.
PLACES: Mapping[str, tuple[str, str]] = {
    "padding-side": (_TOKENIZER, "padding_side"),
    "positions-move": (_TOKENIZER, "padding_side"),
    "truncation-side": (_TOKENIZER, "truncation_side"),
    "too-long": (_TOKENIZER, "model_max_length"),
    "no-end": (_TOKENIZER, "add_eos_token"),
    "no-pad-token": (_TOKENIZER, "pad_token"),
    "pad-is-end": (_TOKENIZER, "pad_token"),
    "no-cls": (_TOKENIZER, "cls_token"),
    "pad-id-differs": (_MODEL, "pad_token_id"),
    "no-pad-id": (_MODEL, "pad_token_id"),
    "vocabulary": (_MODEL, "vocab_size"),
}


def render(diagnosis: Diagnosis, look: Look) -> str:
    """The log of `archtrace check`, with a result for each fault."""
    del look
    shown = cleaned(diagnosis)
    findings = tuple(_finding(shown.target, fault) for fault in shown.faults)
    return to_sarif.render(CheckResult(findings, 1), settings(os.getcwd()))


def _finding(target: str, fault: Fault) -> Problem:
    """At the line of the key; at the first line where it is not written, or the target is no folder."""
    name, key = PLACES.get(fault.code, (_MODEL, ""))
    folder = Path(target).expanduser()
    file = next((f for f in (folder / name, folder / _MODEL) if f.is_file()), Path(target))
    lines = file.read_text("utf-8", errors="replace").split("\n") if file.is_file() else [""]
    line = next((n for n, text in enumerate(lines, 1) if key and f'"{key}"' in text), 1)
    text = lines[line - 1]
    start, end = len(text) - len(text.lstrip()) + 1, len(text.rstrip()) + 1
    message = f"{target}: {fault.told}: {fault.change} ({fault.code})"
    return Problem(str(file), line, start, line, max(end, start), WRONG, message, text=fault.code)
