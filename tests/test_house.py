"""The house: imports run one way, no architecture has code of its own, start-up is light."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TRACER = ROOT / "tracer" / "archtrace"
SOURCES = sorted([*TRACER.rglob("*.py"), *(ROOT / "reports").rglob("*.py")])


def imported(file: Path) -> set[str]:
    """The top-level packages that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def test_imports_run_one_way() -> None:
    """Reports know the tracer, the tracer knows no report."""
    assert [f for f in TRACER.rglob("*.py") if "archtrace_reports" in imported(f)] == []


def test_only_one_file_knows_torch_export() -> None:
    """torch.export's types stop at capture/export.py."""
    knowing = [f.name for f in TRACER.rglob("*.py") if re.search(r"^(from|import) torch\.export", f.read_text(), re.M)]
    assert knowing == ["export.py"]


def test_marks_and_results_know_no_torch() -> None:
    """The ground of the analysis, and what the reports build on."""
    assert all("torch" not in imported(TRACER / f"{name}.py") for name in ("reach/marks", "reach/flows", "answer/result", "answer/drawing", "answer/positions", "answer/kinds", "errors"))


def test_what_rules_and_contracts_are_made_of_knows_no_torch() -> None:
    """The source rules altogether; of contracts all that is read where a verdict is kept."""
    plain = [*(TRACER / "lint").rglob("*.py"), *(TRACER / "contract").rglob("*.py"), *(TRACER / "answer").rglob("*.py")]
    knowing = {f.stem for f in plain if imported(f) & {"torch", "transformers", "numpy", "networkx"}}
    assert knowing == {"examine"}


def test_no_architecture_has_code_of_its_own() -> None:
    """No model type of the library is a word in a string of the engine's code."""
    from archtrace.targets.library import classifiers

    types = {name for name in classifiers() if len(name) > 3} - {"opt"}
    for file in TRACER.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.lower() in types:
                pytest.fail(f"{file.name}:{node.lineno} names {node.value}")


def test_small_files_and_functions() -> None:
    """No file beyond 350 lines, no function beyond 60."""
    for file in SOURCES:
        assert len(file.read_text().splitlines()) <= 350, file
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef) and node.end_lineno is not None:
                assert node.end_lineno - node.lineno < 60, f"{file}:{node.lineno}"


def test_every_module_and_public_function_says_what_it_is() -> None:
    """A docstring each."""
    for file in SOURCES:
        tree = ast.parse(file.read_text())
        assert ast.get_docstring(tree), file
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{file}:{node.lineno}"


@pytest.mark.parametrize("module", ["archtrace", "archtrace.targets", "archtrace_reports.cli"])
def test_start_up_imports_nothing_heavy(module: str) -> None:
    """Torch and transformers are imported when a trace needs them."""
    code = f"import sys, {module}; print(sorted({{'torch', 'transformers', 'libcst', 'networkx'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_docs_are_linked() -> None:
    """Each page stands in the README, and each link leads somewhere."""
    readme = (ROOT / "README.md").read_text()
    pages = {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")}
    linked = set(re.findall(r"\((docs/[\w-]+\.md)\)", readme))
    assert linked == pages
