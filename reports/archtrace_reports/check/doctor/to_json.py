"""JSON: the diagnosis for programs. ASCII throughout, so that any pipe takes it."""

from __future__ import annotations

import json

from archtrace.answer.diagnosis import Diagnosis
from archtrace_reports.formats.converter import encode
from archtrace_reports.text.look import Look
from archtrace_reports.text.report import versions

SUFFIXES = (".json",)
#: History: 1, the first. A reader must ignore keys that it does not know.
FORMAT = 1


def render(diagnosis: Diagnosis, look: Look) -> str:
    """The document."""
    del look
    return json.dumps({"format": FORMAT, "versions": versions(), **encode(diagnosis)}, indent=2) + "\n"
