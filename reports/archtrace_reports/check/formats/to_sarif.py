"""SARIF 2.1.0: for code scanning. Paths from the root on, rules declared, fingerprints that survive moved lines."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import archtrace
from archtrace_reports.check.codes import known
from archtrace_reports.check.finding import SUMMARIES, Finding, Found
from archtrace_reports.check.meaning import Meaning, meanings
from archtrace_reports.check.paths import relative
from archtrace_reports.check.settings import Settings

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render(found: Found, settings: Settings) -> str:
    """The log; `results` is empty where all is well."""
    driver = {"name": "archtrace", "version": archtrace.__version__, "rules": _declared()}
    invocation = {
        "executionSuccessful": not found.failures,
        "toolExecutionNotifications": [{"level": "error", "message": {"text": text}} for text in found.failures],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"ROOT": {"description": {"text": "the folder of pyproject.toml"}}},
        "invocations": [invocation],
        "results": _results(found, settings),
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _declared() -> list[dict[str, Any]]:
    """Every code that may be told, with what `archtrace explain` says of it."""
    explained = meanings()
    return [_declaration(code, name, explained.get(code)) for code, name in known()]


def _declaration(code: str, name: str, told: Meaning | None) -> dict[str, Any]:
    summary = told.summary if told else SUMMARIES[code]
    return {
        "id": code,
        "name": name,
        "shortDescription": {"text": summary},
        "fullDescription": {"text": told.why if told else summary},
        "help": {"text": _help(told, ""), "markdown": _help(told, "## ")} if told else {"text": summary},
        "defaultConfiguration": {"level": "error"},
    }


def _help(told: Meaning, mark: str) -> str:
    real = "\n".join(f"* {line}" for line in told.real)
    parts = {"Why": told.why, "Where it happened": real, "What to write instead": told.instead}
    return "\n\n".join(f"{mark}{title}\n\n{text}" for title, text in parts.items())


def _results(found: Found, settings: Settings) -> list[dict[str, Any]]:
    order = [code for code, _ in known()]
    seen: Counter[str] = Counter()
    results = []
    for finding in found.findings:
        path = relative(finding.path, settings.root)
        print_ = hashlib.sha256(_bytes(f"{finding.code}\0{path}\0{finding.text}")).hexdigest()[:32]
        seen[print_] += 1
        results.append(_result(finding, _artifact(path, settings.root), order, f"{print_}:{seen[print_]}"))
    return results


def _result(finding: Finding, artifact: dict[str, str], order: list[str], fingerprint: str) -> dict[str, Any]:
    return {
        "ruleId": finding.code,
        "ruleIndex": order.index(finding.code),
        "level": "error",
        "message": {"text": finding.said},
        "locations": [{"physicalLocation": {"artifactLocation": artifact, "region": _region(finding)}}],
        "partialFingerprints": {"archtrace/v1": fingerprint},
    }


def _region(finding: Finding) -> dict[str, int]:
    """A notebook's lines are none of its file; code scanning asks for a line, and the first is plainly a stand-in."""
    if finding.cell:
        return {"startLine": 1}
    return {
        "startLine": finding.line,
        "startColumn": finding.col,
        "endLine": finding.end_line,
        "endColumn": finding.end_col,
    }


def _bytes(text: str) -> bytes:
    """A text as bytes, whatever is in it."""
    return text.encode("utf-8", "surrogatepass")


def _artifact(path: str, root: str) -> dict[str, str]:
    """Below the root a name that holds on every machine. SARIF allows no `..`: elsewhere the whole path."""
    from urllib.parse import quote

    if path.startswith("../") or os.path.isabs(path):
        return {"uri": Path(os.path.realpath(root), path).resolve().as_uri()}
    return {"uri": quote(os.fsencode(path)), "uriBaseId": "ROOT"}
