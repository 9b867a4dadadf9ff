"""SARIF 2.1.0: for code scanning. Paths from the root on, rules declared, fingerprints that survive moved lines."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from archtrace.answer.version import __version__
from archtrace_lint import Edit
from archtrace_reports.check.codes import known
from archtrace_reports.check.fingerprints import fingerprints
from archtrace_reports.check.meaning import Meaning, meanings
from archtrace_reports.check.paths import relative
from archtrace_reports.check.problem import SUMMARIES, CheckResult, Problem, ProblemStep
from archtrace_reports.check.settings import Settings

#: The repository that a GitHub Action comes from, which the runner tells: the pages of the rules stand in it.
REPOSITORY = "GITHUB_ACTION_REPOSITORY"
#: Where they stand otherwise: `project.urls` of pyproject.toml, which a test holds this to.
HOME = "archtrace/archtrace"
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render(found: CheckResult, settings: Settings) -> str:
    """The log; `results` is empty where all is well."""
    driver = {
        "name": "archtrace",
        "version": __version__,
        "informationUri": _repository(),
        "rules": _declared(),
    }
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
    page = f"{code}.md" if told else "README.md"
    return {
        "id": code,
        "name": name,
        "helpUri": f"{_repository()}/blob/main/docs/rules/{page}",
        "shortDescription": {"text": summary},
        "fullDescription": {"text": told.why if told else summary},
        "help": {"text": _help(told, ""), "markdown": _help(told, "## ")} if told else {"text": summary},
        "defaultConfiguration": {"level": "error"},
    }


def _repository() -> str:
    return f"https://github.com/{os.environ.get(REPOSITORY) or HOME}"


def _help(told: Meaning, mark: str) -> str:
    real = "\n".join(f"* {line}" for line in told.real)
    parts = {"Why": told.why, "Where it happened": real, "What to write instead": told.instead}
    return "\n\n".join(f"{mark}{title}\n\n{text}" for title, text in parts.items())


def _results(found: CheckResult, settings: Settings) -> list[dict[str, Any]]:
    order = [code for code, _ in known()]
    told = zip(found.findings, fingerprints(found.findings, settings.root), strict=True)
    return [
        _result(
            finding, _artifact(relative(finding.path, settings.root), settings.root), order.index(finding.code), key
        )
        for finding, key in told
    ]


def _result(finding: Problem, artifact: dict[str, str], index: int, fingerprint: str) -> dict[str, Any]:
    found = {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": "error",
        "message": {"text": finding.said},
        "locations": [_location(finding, artifact)],
        "partialFingerprints": {"archtrace/v1": fingerprint},
    }
    if len(finding.steps) > 1:
        steps = [_location(step, artifact) | {"message": {"text": _note(step, finding)}} for step in finding.steps]
        found["codeFlows"] = [{"threadFlows": [{"locations": [{"location": step} for step in steps]}]}]
    if finding.edits:
        found["fixes"] = [_fix(finding, artifact)]
    return found


def _note(step: ProblemStep, finding: Problem) -> str:
    """What happens at a step; the finding's own note is its message where it has no other."""
    note = step.note or finding.message
    return f"cell {step.cell}, line {step.line}: {note}" if step.cell else note


def _location(placed: Problem | ProblemStep, artifact: dict[str, str]) -> dict[str, Any]:
    """A notebook's cells are no part of its file for SARIF: a place in one is told as a logical location too."""
    found: dict[str, Any] = {"physicalLocation": {"artifactLocation": artifact, "region": _region(placed)}}
    if placed.cell:
        name = f"cell {placed.cell}:{placed.line}:{placed.col}"
        found["logicalLocations"] = [{"name": f"cell {placed.cell}", "fullyQualifiedName": name, "kind": "member"}]
    return found


def _region(placed: Problem | ProblemStep | Edit) -> dict[str, int]:
    """A notebook's lines are none of its file; code scanning asks for a line, and the first is plainly a stand-in."""
    if isinstance(placed, Problem | ProblemStep) and placed.cell:
        return {"startLine": 1}
    return {
        "startLine": placed.line,
        "startColumn": placed.col,
        "endLine": placed.end_line,
        "endColumn": placed.end_col,
    }


def _fix(finding: Problem, artifact: dict[str, str]) -> dict[str, Any]:
    edits = [{"deletedRegion": _region(edit), "insertedContent": {"text": edit.text}} for edit in finding.edits]
    return {
        "description": {"text": "what archtrace check --fix writes"},
        "artifactChanges": [{"artifactLocation": artifact, "replacements": edits}],
    }


def _artifact(path: str, root: str) -> dict[str, str]:
    """Below the root a name that holds on every machine. SARIF allows no `..`: elsewhere the whole path."""
    from urllib.parse import quote

    if path.startswith("../") or os.path.isabs(path):
        return {"uri": Path(os.path.realpath(root), path).resolve().as_uri()}
    return {"uri": quote(os.fsencode(path)), "uriBaseId": "ROOT"}
