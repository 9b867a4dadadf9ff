"""The pytest plugin: with `--archtrace` (or `archtrace = true` in the ini) each contract of the project is a test.

Imported by every pytest run where archtrace is installed, so it imports nothing but pytest until a contract is checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from archtrace_reports.check.contracts.declared_contracts import DeclaredContract
    from archtrace_reports.check.problem import Problem
    from archtrace_reports.check.settings import Settings

PYPROJECT = "pyproject.toml"


class BrokenContractError(Exception):
    """A model breaks its contract; the message lists the findings."""

    def __init__(self, findings: list[Problem]) -> None:
        super().__init__("\n".join(f"{f.place}: {f.code} {f.message}" for f in findings))


def pytest_addoption(parser: pytest.Parser) -> None:
    """The flag, and the same for the ini file."""
    group = parser.getgroup("archtrace")
    group.addoption("--archtrace", action="store_true", help="hold the contracts of [tool.archtrace.models] as tests")
    parser.addini("archtrace", "hold the contracts of [tool.archtrace.models] as tests", "bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    """Collect the project's pyproject.toml too, wherever tests are looked for; where tests are named, those alone."""
    file = config.rootpath / PYPROJECT
    if _is_on(config) and file.is_file() and str(file) not in config.args and not any("::" in a for a in config.args):
        config.args.append(str(file))


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say where there is no contract to check: else the run would pass for clean."""
    exists = (config.rootpath / PYPROJECT).is_file()
    return f"archtrace: no contracts, no {PYPROJECT} in {config.rootpath}" if _is_on(config) and not exists else None


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """The contracts of the project's pyproject.toml."""
    if _is_on(parent.config) and file_path == parent.config.rootpath / PYPROJECT:
        return ContractFile.from_parent(parent, path=file_path)
    return None


def _is_on(config: pytest.Config) -> bool:
    return bool(config.getoption("archtrace") or config.getini("archtrace"))


class ContractFile(pytest.File):
    """A pyproject.toml with contracts in it."""

    def collect(self) -> Iterator[pytest.Item]:
        """A test for each contract."""
        from archtrace_reports.check.contracts.declared_contracts import contracts
        from archtrace_reports.check.settings import settings

        project = settings(str(self.path.parent))
        for declared in contracts(project):
            yield ContractItem.from_parent(self, name=declared.name, declared=declared, settings=project)


class ContractItem(pytest.Item):
    """One contract, checked by tracing its model, or from the cache."""

    def __init__(self, *, declared: DeclaredContract, settings: Settings, **given: Any) -> None:
        super().__init__(**given)
        self._declared, self._settings = declared, settings

    def runtest(self) -> None:
        """Fail where the contract has a finding that no noqa covers."""
        from archtrace_reports.check.contracts.check_contracts import findings_of, verdict_on
        from archtrace_reports.check.contracts.contract_problems import is_excused

        findings = findings_of(self._declared, verdict_on(self._declared, self._settings), self._settings)
        reported = [finding for finding in findings if not is_excused(finding)]
        if reported:
            raise BrokenContractError(reported)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The findings, or the message of what could not be traced; a traceback for anything else."""
        from archtrace.errors import ArchtraceError

        if isinstance(excinfo.value, BrokenContractError | ArchtraceError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def add_report_section(self, when: str, key: str, content: str) -> None:
        """Leave out what torch logs while it traces, which says nothing about the model."""
        if key != "log":
            super().add_report_section(when, key, content)

    def reportinfo(self) -> tuple[Path, int, str]:
        """The contract's line."""
        return self.path, self._declared.line() - 1, f"contract {self.name}"
