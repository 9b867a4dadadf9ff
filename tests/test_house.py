"""The house: imports run one way, no architecture has code of its own, start-up is light."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tokenize
from collections import Counter
from functools import cache
from pathlib import Path

import networkx as nx
import pytest
import torch

from archtrace import ops
from archtrace.ops import qualified

ROOT = Path(__file__).parents[1]
TRACER, LINT, REPORTS = (
    ROOT / "tracer" / "archtrace",
    ROOT / "tracer" / "archtrace_lint",
    ROOT / "reports" / "archtrace_reports",
)
PACKAGES = {folder.name: folder for folder in (TRACER, LINT, REPORTS)}
SOURCES = sorted(file for folder in PACKAGES.values() for file in folder.rglob("*.py"))

#: From the ground up: each folder or top file of the three packages imports what stands on a floor below its own, and
#: itself. Beside one another they know nothing of each other. `archtrace` is the package's door, `__init__.py`.
FLOORS = (
    ("archtrace.errors", "archtrace.ops", "archtrace_lint.violation"),
    ("archtrace.answer", "archtrace.capture", "archtrace_lint.source"),
    ("archtrace.reach", "archtrace.targets", "archtrace_lint.dataflow", "archtrace_reports.text"),
    ("archtrace.readout", "archtrace_lint.rule", "archtrace_reports.formats"),
    ("archtrace.witness", "archtrace_lint.rules", "archtrace_lint.placement", "archtrace_reports.diff"),
    ("archtrace.tracing", "archtrace_lint.linter"),
    ("archtrace", "archtrace.setup", "archtrace_lint"),
    ("archtrace.contract", "archtrace.training", "archtrace_reports.asking"),
    ("archtrace.testing", "archtrace_reports.atlas", "archtrace_reports.check"),
    ("archtrace_reports.commands",),
)


def imported(file: Path) -> set[str]:
    """The top-level packages that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def modules() -> dict[str, Path]:
    """Every module of the three packages, and its file."""
    parts = {
        f: (name, *f.relative_to(p).with_suffix("").parts) for name, p in PACKAGES.items() for f in p.rglob("*.py")
    }
    return {".".join(part for part in dotted if part != "__init__"): file for file, dotted in parts.items()}


@cache
def imports() -> nx.DiGraph[str]:
    """Which module imports which: inside functions, for types alone, and of a package its own modules too."""
    known = modules()
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(known)
    for name, file in known.items():
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                graph.add_edges_from((name, alias.name) for alias in node.names if alias.name in known)
            elif isinstance(node, ast.ImportFrom) and node.module:
                whole = ((f"{node.module}.{alias.name}", node.module) for alias in node.names)
                graph.add_edges_from((name, inner if inner in known else outer) for inner, outer in whole)
    return graph.subgraph(known)


def unit(module: str) -> str:
    """The folder or top file of its package in which a module lies."""
    return ".".join(module.split(".")[:2])


def test_imports_run_in_no_circle() -> None:
    """Not even inside a function, or for types alone."""
    assert [sorted(c) for c in nx.strongly_connected_components(imports()) if len(c) > 1] == []


def test_imports_run_down_floor_by_floor() -> None:
    """Each folder knows the floors below it, and none beside it; ten floors are enough."""
    assert len(FLOORS) <= 10
    floor = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
    for above, below in imports().edges:
        if unit(above) != unit(below) and not above.endswith(".__main__"):
            assert floor[unit(above)] > floor[unit(below)], f"{above} imports {below}"


def test_every_folder_has_its_floor() -> None:
    """A new folder or top file is put on a floor before it is used; the doors for `python -m` are on none."""
    assert {unit(name) for name in modules() if not name.endswith(".__main__")} - {"archtrace_reports"} == {
        room for rooms in FLOORS for room in rooms
    }


def test_the_first_two_levels_fit_on_a_page() -> None:
    """At most twenty folders and top files in the tracer and its reports together."""
    entries = [entry for package in (TRACER, REPORTS) for entry in package.iterdir() if entry.name[:2] != "__"]
    assert len([entry for entry in entries if entry.is_dir() or entry.suffix == ".py"]) <= 20


def test_a_name_means_one_thing() -> None:
    """No two classes share a name, and no two files, but for those that are the same thing of another folder: the
    forms of an output, a rule's two sides, and a command beside what it shows."""
    files = Counter(f.name for f in SOURCES if not re.match(r"__|to_|at\d{3}_", f.name) and f.parent.name != "commands")
    assert [name for name, count in files.items() if count > 1] == []
    classes = Counter(c for f in SOURCES for c in re.findall(r"^class (\w+)", f.read_text(), re.M))
    assert [name for name, count in classes.items() if count > 1] == []


def test_one_room_knows_the_machinery_of_capture() -> None:
    """torch's modes, fakes and higher-order ops stop at capture."""
    private = r"^(from|import) torch\.(_subclasses|_dispatch|_ops|_higher_order_ops|export|utils\._python_dispatch)"
    knowing = {f.parent.name for f in TRACER.rglob("*.py") if re.search(private, f.read_text(), re.M)}
    assert knowing == {"capture"}


def test_marks_and_results_know_no_torch() -> None:
    """The ground of the analysis, and what the reports build on."""
    assert all(
        "torch" not in imported(TRACER / f"{name}.py")
        for name in (
            "reach/marks",
            "reach/flows",
            "answer/result",
            "answer/drawing",
            "answer/positions",
            "answer/kinds",
            "errors",
            "ops",
        )
    )


def test_what_rules_and_contracts_are_made_of_knows_no_torch() -> None:
    """The source rules altogether; of contracts all that is read where a verdict is kept."""
    plain = [*LINT.rglob("*.py"), *(TRACER / "contract").rglob("*.py"), *(TRACER / "answer").rglob("*.py")]
    knowing = {f.stem for f in plain if imported(f) & {"torch", "transformers", "numpy", "networkx"}}
    assert knowing == {"examine"}


def table_of_ops(node: ast.AST) -> list[str]:
    """The words of a literal collection that holds plain words alone; rows of functions are a rule's own."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"named", "ops"}:
        return [w for a in node.args if isinstance(a, ast.Constant) for w in a.value.split()]
    if isinstance(node, ast.Dict) and all(isinstance(v, ast.Name) for v in node.values):
        return []
    parts = node.keys if isinstance(node, ast.Dict) else getattr(node, "elts", [])
    words = [p.value for p in parts if isinstance(p, ast.Constant) and isinstance(p.value, str)]
    return words if len(words) == len(parts) > 1 else []


def test_facts_about_ops_stand_in_one_file() -> None:
    """Ops are told apart by name in ops.py alone, and by the rule that is registered for them."""
    known = {s.name for s in torch._C._jit_get_all_schemas() if s.name.startswith("aten::")}
    for room in ("capture", "reach", "witness", "readout", "contract"):
        # What a forward takes speaks of dicts, some of whose methods have the names of ops.
        for file in (f for f in (TRACER / room).rglob("*.py") if f.parent.name != "inputs"):
            for node in ast.walk(ast.parse(file.read_text())):
                words = table_of_ops(node)
                if words and all(qualified(word) in known for word in words):
                    pytest.fail(f"{file.name}:{node.lineno} has a table of ops: {words}")


def test_the_table_of_ops_knows_only_ops() -> None:
    """A name that is misspelt would be a fact about nothing."""
    known = {s.name for s in torch._C._jit_get_all_schemas()} | {"archtrace::view_of", "archtrace::write_into"}
    overloads = {f"{s.name}.{s.overload_name or 'default'}" for s in torch._C._jit_get_all_schemas()}
    tables = {name: table for name, table in vars(ops).items() if name.isupper()}
    for name, table in tables.items():
        assert {op for op in map(qualified, table) if op not in known | overloads} == set(), name


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


#: The rooms of the engine: what is dense in them has its cause or its formula beside it.
ENGINE = ("answer", "capture", "reach", "witness", "readout")


@pytest.mark.parametrize("places", [(TRACER / "ops.py", *(TRACER / room for room in ENGINE)), (LINT,)])
def test_the_engine_and_the_source_rules_give_causes(places: tuple[Path, ...]) -> None:
    """Comments in at least 4 % of their lines, those for tools not counted."""
    lines = comments = 0
    for file in (f for place in places for f in ([place] if place.suffix else place.rglob("*.py"))):
        lines += sum(bool(line.strip()) for line in file.read_text().splitlines())
        with file.open("rb") as source:
            told = [t for t in tokenize.tokenize(source.readline) if t.type == tokenize.COMMENT]
        comments += sum(not t.string.startswith(("# noqa", "# type:", "# fmt:", "# --")) for t in told)
    assert comments >= 0.04 * lines


def test_every_module_and_public_function_says_what_it_is() -> None:
    """A docstring each."""
    for file in SOURCES:
        tree = ast.parse(file.read_text())
        assert ast.get_docstring(tree), file
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{file}:{node.lineno}"


def test_the_rooms_that_are_looked_through_are_there() -> None:
    """A room that was renamed would hold nothing, and so all that is asked of it."""
    assert all([*(TRACER / room).glob("*.py")] for room in (*ENGINE, "contract"))
    assert (REPORTS / "commands" / "cli.py") in SOURCES


@pytest.mark.parametrize("module", ["archtrace", "archtrace.targets", "archtrace_reports.commands.cli"])
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


def test_every_finding_is_explained() -> None:
    """docs/errors.md has a row for each code that the engine gives, and for no other."""
    codes = set(re.findall(r'Finding\(\s*"([a-z-]+)"', "".join(f.read_text() for f in TRACER.rglob("*.py"))))
    page = (ROOT / "docs" / "errors.md").read_text().partition("## Findings")[2]
    assert set(re.findall(r"^\| `([a-z-]+)`", page, re.M)) == codes
