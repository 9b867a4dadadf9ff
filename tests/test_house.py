"""The house: imports run one way, no architecture has code of its own, start-up is light."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import networkx as nx
import pytest
import torch

from archtrace import ops
from archtrace.ops import qualified

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


#: The rooms and files of the tracer from the ground up: each imports what stands above it in this list, and itself.
FLOORS = (
    ("errors", "version", "paths", "ops"),
    ("extra", "older"),
    ("answer",),
    ("input_names", "taken", "clock"),
    ("layouts",),
    ("forwards", "features"),
    ("capture",),
    ("reach",),
    ("readout",),
    ("targets",),
    ("witness",),
    ("answering", "plans"),
    ("tracing",),
    ("setup",),
    ("serving",),
    ("contract",),
    ("testing", "training", "__main__"),
)


def tracer_imports() -> nx.DiGraph[str]:
    """Which module of the tracer imports which, inside functions and for types too."""
    names = {
        ".".join(f.relative_to(TRACER).with_suffix("").parts).removesuffix(".__init__"): f for f in TRACER.rglob("*.py")
    }
    graph: nx.DiGraph[str] = nx.DiGraph()
    for name, file in names.items():
        for node in ast.walk(ast.parse(file.read_text())):
            found = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                found = [f"{node.module}.{a.name}" for a in node.names] + [node.module]
            inner = [f.removeprefix("archtrace.") for f in found if f.startswith("archtrace.")]
            graph.add_edges_from((name, i) for i in inner if i in names and i != name and not name.startswith(f"{i}."))
    return graph


def test_imports_run_in_no_circle() -> None:
    """Not even inside a function, or for types alone."""
    graph = tracer_imports()
    assert [sorted(c) for c in nx.strongly_connected_components(graph) if len(c) > 1] == []


def test_imports_run_down_floor_by_floor() -> None:
    """Each room knows the floors below it, and no room beside it."""
    floor = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
    for above, below in tracer_imports().edges:
        rooms = above.split(".")[0], below.split(".")[0]
        if "lint" not in rooms and "" not in rooms and rooms[0] in floor and rooms[0] != rooms[1]:
            assert floor[rooms[0]] > floor[rooms[1]], f"{above} imports {below}"


def test_every_room_has_its_floor() -> None:
    """A new room is put on a floor before it is used."""
    rooms = {f.stem for f in TRACER.iterdir() if f.suffix == ".py" or f.is_dir()} - {"__init__", "__pycache__", "py"}
    assert rooms - {"lint", "tables", "schema"} == {room for rooms in FLOORS for room in rooms}


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
    plain = [*(TRACER / "lint").rglob("*.py"), *(TRACER / "contract").rglob("*.py"), *(TRACER / "answer").rglob("*.py")]
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
        for file in (TRACER / room).rglob("*.py"):
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


def test_the_engine_gives_causes() -> None:
    """Comments in at least 4 % of its lines, those for tools not counted."""
    lines = comments = 0
    for file in (TRACER / "ops.py", *(f for room in ENGINE for f in (TRACER / room).rglob("*.py"))):
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
    assert (ROOT / "reports" / "archtrace_reports" / "cli.py") in SOURCES


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
