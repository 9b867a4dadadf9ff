"""What pyproject.toml asks for is what the code imports; the light path imports nothing of the extra."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from archtrace.errors import ArchtraceError, MissingError
from archtrace.tracing import optional_dependencies
from archtrace_reports.asking.dependencies import SHOWING

from .conftest import ROOT, requirements

SOURCES = {"archtrace": ROOT / "tracer", "archtrace_lint": ROOT / "tracer", "archtrace_reports": ROOT / "reports"}
LINT = ROOT / "tracer" / "archtrace_lint"
REPORTS = ROOT / "reports" / "archtrace_reports"
#: What `check` runs. What the doctor says of a setup is told by a trace.
CHECK = [file for file in (REPORTS / "check").rglob("*.py") if file.parent.name != "doctor"]
COMMANDS = REPORTS / "commands"
#: Packages that are there where a file is of use: pytest imports its plugin, and who has an adapter of PEFT has PEFT.
HOSTS = {"pytest_plugin.py": {"pytest"}, "prompts.py": {"peft"}}
#: What of the extra `cluster` is imported: by these files alone, which nothing else imports before it is asked for.
CLUSTER = {"cluster.py": {"distributed"}, "worker.py": {"distributed"}}
#: Requirements that are programs to run: nothing imports them.
PROGRAMS = {"graphviz_pure"}


def imports(file: Path, *, late: bool) -> Iterator[str]:
    """The modules that a file imports, of which `late` ones are those within functions."""
    tree = ast.parse(file.read_text("utf-8"))
    for node in ast.walk(tree) if late else tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def foreign(names: Iterator[str]) -> set[str]:
    """The packages among modules that are neither Python's nor ours."""
    return {name.split(".")[0] for name in names} - {*sys.stdlib_module_names, *SOURCES}


def homes(name: str) -> set[Path]:
    """The files that importing a module of ours runs: its own, and those of the packages that it is in."""
    parts = name.split(".")
    top = SOURCES.get(parts[0], ROOT / "none")
    packages = (top.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1))
    return {file for file in (*packages, top.joinpath(*parts).with_suffix(".py")) if file.is_file()}


def reached(start: Path) -> set[Path]:
    """The files of ours that importing one runs."""
    found, waiting = {start}, [start]
    while waiting:
        named = {file for name in imports(waiting.pop(), late=False) for file in homes(name)}
        waiting += named - found
        found |= named
    return found


@pytest.mark.parametrize(
    "start",
    [
        *sorted(COMMANDS.glob("*.py")),
        *sorted(CHECK),
    ],
    ids=lambda file: str(file.relative_to(REPORTS)),
)
def test_importing_a_command_needs_the_base_alone(start: Path) -> None:
    for file in reached(start):
        assert foreign(imports(file, late=False)) - HOSTS.get(file.name, set()) <= requirements(), file


def test_the_source_rules_need_the_base_alone() -> None:
    """Within functions too."""
    assert {"follow.py", "spellings.py"} <= {file.name for file in LINT.rglob("*.py")}
    for file in (*LINT.rglob("*.py"), *CHECK, COMMANDS / "explain.py"):
        assert foreign(imports(file, late=True)) - HOSTS.get(file.name, set()) <= requirements(), file


@pytest.mark.parametrize("package", SOURCES)
def test_all_that_is_imported_is_required(package: str) -> None:
    for file in (SOURCES[package] / package).rglob("*.py"):
        there = HOSTS.get(file.name, set()) | CLUSTER.get(file.name, set())
        assert foreign(imports(file, late=True)) - there <= requirements() | requirements("trace"), file


def test_the_extra_is_what_tracing_and_showing_import() -> None:
    assert {*optional_dependencies.TRACING, *SHOWING} == requirements("trace") - PROGRAMS
    for packages, folder in ((optional_dependencies.TRACING, "tracer"), (SHOWING, "reports")):
        used = {name for file in (ROOT / folder).rglob("*.py") for name in foreign(imports(file, late=True))}
        assert set(packages) <= used


def test_the_extra_for_clusters_is_what_speaks_with_one() -> None:
    assert requirements("cluster") - {"archtrace"} == set().union(*CLUSTER.values())


def test_base_and_extra_share_nothing_and_dev_has_both() -> None:
    assert not requirements() & requirements("trace")
    assert "archtrace" in requirements("dev")
    assert "archtrace[trace,cluster,docs]" in (ROOT / "pyproject.toml").read_text("utf-8")


def test_constraints_pin_what_is_required() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").lower().replace("-", "_").splitlines()
    pinned = {line.split("==")[0] for line in lines if "==" in line}
    assert (requirements() | requirements("trace", "cluster", "docs", "dev")) - {"archtrace"} <= pinned


def test_a_part_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    optional_dependencies.require()
    monkeypatch.setattr(
        optional_dependencies, "find_spec", lambda name: None if name in ("numpy", "rich") else find_spec(name)
    )
    with pytest.raises(MissingError, match="\n  why: no numpy, rich here; ") as caught:
        optional_dependencies.require((*optional_dependencies.TRACING, *SHOWING))
    assert isinstance(caught.value, ArchtraceError)
    assert isinstance(caught.value, ImportError)
