"""Questions about the models of a project's contracts, so that their answers can be saved and compared."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from archtrace.contract.contract import Contract
from archtrace_reports.asking.question import Question
from archtrace_reports.check.settings import NAME, settings


def declared_questions() -> list[Question]:
    """One for each `[tool.archtrace.models.NAME]` of the current folder's pyproject.toml, in the order of the file.

    Raises UsageError where there is none, TargetError for a contract that cannot be read.
    """
    project = settings(os.getcwd())
    if not project.models:
        what = f"--declared finds no model: {Path(project.root, NAME)} declares none as [tool.archtrace.models.NAME]"
        raise click.UsageError(what)
    if Path(project.root) != Path.cwd():
        raise click.UsageError(f"--declared reads {NAME} of the current folder: run it in {project.root}")
    from archtrace_reports.check.contracts.declared_contracts import contracts

    _importable(Path(project.root, "src"))
    return [_question(declared.contract) for declared in contracts(project)]


def _question(contract: Contract) -> Question:
    path = contract.config if isinstance(contract.config, str) else None
    fields = {} if isinstance(contract.config, str) else dict(contract.config or {})
    inputs = {name: json.dumps(value) for name, value in (contract.inputs or {}).items()}
    return Question(contract.target, contract.num_labels, path, fields, inputs=inputs)


def _importable(folder: Path) -> None:
    """Let code in `src` be imported, as it is where contracts are checked; in child processes, too."""
    if folder.is_dir():
        sys.path.insert(0, str(folder))
        others = [part for part in (os.environ.get("PYTHONPATH"),) if part]
        os.environ["PYTHONPATH"] = os.pathsep.join([str(folder), *others])
