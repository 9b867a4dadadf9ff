"""JSON: the findings for programs."""

from __future__ import annotations

import json

from archtrace_reports.check.finding import Found
from archtrace_reports.check.settings import Settings

#: History: 1, the first. A reader must ignore keys that it does not know.
FORMAT = 1


def render(found: Found, settings: Settings) -> str:
    """The document."""
    del settings
    document = {
        "format": FORMAT,
        "files": found.files,
        "findings": [finding._asdict() for finding in found.findings],
        "failures": list(found.failures),
    }
    return json.dumps(document, indent=2) + "\n"
