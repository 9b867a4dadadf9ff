"""SARIF 2.1.0: for code scanning. Paths from the root on, rules declared, fingerprints that survive moved lines."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any

import archtrace
from archtrace_reports.check.finding import Finding, Found
from archtrace_reports.check.one import known
from archtrace_reports.check.run import relative
from archtrace_reports.check.settings import Settings

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render(found: Found, settings: Settings) -> str:
    """The log; `results` is empty where all is well."""
    rules = [{"id": code, "name": name, "shortDescription": {"text": name.replace("-", " ")}} for code, name in known()]
    driver = {"name": "archtrace", "version": archtrace.__version__, "rules": rules}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"ROOT": {"description": {"text": "the folder of pyproject.toml"}}},
        "invocations": [{"executionSuccessful": not found.failures}],
        "results": _results(found, settings),
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _results(found: Found, settings: Settings) -> list[dict[str, Any]]:
    order = [code for code, _ in known()]
    seen: Counter[str] = Counter()
    results = []
    for finding in found.findings:
        path = relative(finding.path, settings.root)
        print_ = hashlib.sha256(f"{finding.code}\0{path}\0{finding.text}".encode("utf-8", "surrogatepass")).hexdigest()[
            :32
        ]
        seen[print_] += 1
        results.append(_result(finding, path, order.index(finding.code), f"{print_}:{seen[print_]}"))
    return results


def _result(finding: Finding, path: str, index: int, fingerprint: str) -> dict[str, Any]:
    region = {
        "startLine": finding.line,
        "startColumn": finding.col,
        "endLine": finding.end_line,
        "endColumn": finding.end_col,
    }
    place = {"artifactLocation": {"uri": _uri(path), "uriBaseId": "ROOT"}, "region": region}
    return {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": "error",
        "message": {"text": finding.message},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"archtrace/v1": fingerprint},
    }


def _uri(path: str) -> str:
    from os import fsencode
    from urllib.parse import quote

    return quote(fsencode(path))
