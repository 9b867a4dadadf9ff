"""JSON: the difference for programs, as `formats/schema/diff-1.json` says; in ASCII, which any pipe takes."""

from __future__ import annotations

import json
from typing import Any

from archtrace.answer.result import Result
from archtrace_reports.diff.compare import Comparison, Difference
from archtrace_reports.diff.sentences import change_sentences
from archtrace_reports.formats.converter import encode
from archtrace_reports.text.look import Look
from archtrace_reports.text.report import versions

SUFFIXES = (".json",)
#: History: 1, the first. A reader must ignore keys that it does not know.
FORMAT = 1


def render(difference: Difference, look: Look) -> str:
    """The document, indented."""
    del look
    document = {
        "format": FORMAT,
        "versions": versions(),
        "same": difference.same,
        "comparisons": [_comparison(comparison) for comparison in difference.comparisons],
        "lost": encode(difference.lost),
    }
    return json.dumps(document, indent=2) + "\n"


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return {
        "left": _side(comparison.left),
        "right": _side(comparison.right),
        "same": comparison.same,
        "renamed": comparison.renamed,
        "told": [*change_sentences(comparison)],
        "facts": encode(comparison.rows),
        "path": encode(comparison.path),
    }


def _side(result: Result) -> dict[str, Any]:
    return {
        "target": result.target,
        "class": result.class_name,
        "model_type": result.model_type,
        "slices": [readout.slice for readout in result.readouts],
        "status": result.status,
        "versions": dict(result.versions),
    }
