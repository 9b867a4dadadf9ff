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
from archtrace_reports.check.problem import SUMMARIES, CheckResult, Problem, ProblemStep
from archtrace_reports.check.settings import Settings

#: The repository that a GitHub Action comes from, which the runner tells: the pages of the rules stand in it.
REPOSITORY = "GITHUB_ACTION_REPOSITORY"
#: Where they stand otherwise: `project.urls` of pyproject.toml, which a test holds this to.
HOME = "archtrace/archtrace"
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render(result: CheckResult, settings: Settings) -> str:
    """The log; `results` is empty where all is well."""
    driver = {
        "name": "archtrace",
        "version": __version__,
        "informationUri": _repository(),
        "rules": _declared(),
    }
    invocation = {
        "executionSuccessful": not result.failures,
        "toolExecutionNotifications": [{"level": "error", "message": {"text": text}} for text in result.failures],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"ROOT": {"description": {"text": "the folder of pyproject.toml"}}},
        "invocations": [invocation],
        "results": _results(result, settings),
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _declared() -> list[dict[str, Any]]:
    """Every code that may be reported, with its text from `archtrace explain`."""
    explained = meanings()
    return [_declaration(code, name, explained.get(code)) for code, name in known()]


def _declaration(code: str, name: str, meaning: Meaning | None) -> dict[str, Any]:
    summary = meaning.summary if meaning else SUMMARIES[code]
    page = f"{code}.md" if meaning else "README.md"
    return {
        "id": code,
        "name": name,
        "helpUri": f"{_repository()}/blob/main/docs/rules/{page}",
        "shortDescription": {"text": summary},
        "fullDescription": {"text": meaning.why if meaning else summary},
        "help": {"text": _help(meaning, ""), "markdown": _help(meaning, "## ")} if meaning else {"text": summary},
        "defaultConfiguration": {"level": "error"},
    }


def _repository() -> str:
    return f"https://github.com/{os.environ.get(REPOSITORY) or HOME}"


def _help(meaning: Meaning, mark: str) -> str:
    real = "\n".join(f"* {line}" for line in meaning.real)
    parts = {"Why": meaning.why, "Where it happened": real, "What to write instead": meaning.instead}
    return "\n\n".join(f"{mark}{title}\n\n{text}" for title, text in parts.items())


def _results(result: CheckResult, settings: Settings) -> list[dict[str, Any]]:
    order = [code for code, _ in known()]
    pairs = zip(result.findings, fingerprints(result.findings, settings), strict=True)
    return [
        _result(finding, _artifact(settings.relative(finding.path), settings.root), order.index(finding.code), key)
        for finding, key in pairs
    ]


def _result(finding: Problem, artifact: dict[str, str], index: int, fingerprint: str) -> dict[str, Any]:
    result = {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": "error",
        "message": {"text": finding.message_with_cell},
        "locations": [_location(finding, artifact)],
        "partialFingerprints": {"archtrace/v1": fingerprint},
    }
    if len(finding.steps) > 1:
        steps = [_location(step, artifact) | {"message": {"text": _note(step, finding)}} for step in finding.steps]
        result["codeFlows"] = [{"threadFlows": [{"locations": [{"location": step} for step in steps]}]}]
    if finding.edits:
        result["fixes"] = [_fix(finding, artifact)]
    return result


def _note(step: ProblemStep, finding: Problem) -> str:
    """What happens at a step; the finding's own note is its message where it has no other."""
    note = step.note or finding.message
    return f"cell {step.cell}, line {step.line}: {note}" if step.cell else note


def _location(part: Problem | ProblemStep, artifact: dict[str, str]) -> dict[str, Any]:
    """A notebook's cells are no part of its file for SARIF: a place in one is given as a logical location, too."""
    location: dict[str, Any] = {"physicalLocation": {"artifactLocation": artifact, "region": _region(part)}}
    if part.cell:
        name = f"cell {part.cell}:{part.line}:{part.col}"
        location["logicalLocations"] = [{"name": f"cell {part.cell}", "fullyQualifiedName": name, "kind": "member"}]
    return location


def _region(part: Problem | ProblemStep | Edit) -> dict[str, int]:
    """A notebook's lines are none of its file; code scanning asks for a line, and the first is plainly a stand-in."""
    if isinstance(part, Problem | ProblemStep) and part.cell:
        return {"startLine": 1}
    return {
        "startLine": part.line,
        "startColumn": part.col,
        "endLine": part.end_line,
        "endColumn": part.end_col,
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
