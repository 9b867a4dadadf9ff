"""Make what docs/how-it-works.md shows of the engine and of the sources: the marks of a small model, and the floors.

python docs/make_how_it_works.py        writes the block between the marks of the page, and docs/how-it-works/floors.svg

The marks are those that the engine really finds for the model on the page; the floors are those of the real imports.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import torch

import archtrace
from archtrace.capture.program import Node, NodeKind
from archtrace.reach.bound import Bound, compute_bound

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "how-it-works.md"
PICTURE = ROOT / "docs" / "how-it-works" / "floors.svg"
BLOCK = re.compile(r"(<!-- marks: [^\n]*-->\n)(.*?)(<!-- /marks -->)", re.S)
CODE = re.compile(r"```python\n(import torch\n.*?)```", re.S)

#: One text of four tokens and two pads: the layout of the example.
LAYOUT = {"input_ids": torch.tensor([[5, 6, 7, 8, 0, 0]]), "attention_mask": torch.tensor([[1, 1, 1, 1, 0, 0]])}
#: The source roots of the three packages, and their colours.
PACKAGES = {
    "archtrace": ("tracer", "#cfe3f5"),
    "archtrace_lint": ("tracer", "#dcefe4"),
    "archtrace_reports": ("reports", "#ffe6b3"),
}
WIDTH, STEP, CHARACTER = 640, 44, 8.2
STYLE = """rect { stroke: #6b7489; }
text { font: 13px Helvetica, Arial, sans-serif; fill: #1d2433; text-anchor: middle; }
.paper { fill: #ffffff; stroke: none; }"""


def main() -> None:
    """Write the block and the picture."""
    page = PAGE.read_text("utf-8")
    PAGE.write_text(BLOCK.sub(lambda found: found[1] + block(page) + found[3], page), "utf-8")
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(drawn(floors(imports())), "utf-8")


def example(page: str) -> torch.nn.Module:
    """The model that the page shows, made by the very code on the page."""
    code, names = CODE.search(page), dict[str, Any]()
    assert code, "the page shows no model"
    exec(compile(code[1], "tiny.py", "exec"), names)
    made = names["Tiny"]()
    assert isinstance(made, torch.nn.Module)
    return made


def bound_of(module: torch.nn.Module) -> Bound:
    """What the engine finds for a module in LAYOUT."""
    analysis = archtrace.trace(module).analysis
    return compute_bound(analysis.interpreter, analysis.programs.of(LAYOUT, analysis.ids), LAYOUT, analysis.tokens)


def block(page: str) -> str:
    """The ops, from the logits down to the ids, each with the marks of its result."""
    found = bound_of(example(page))
    shown = [node for node in reversed(found.program.nodes) if found.demand[node.index] is not None and named(node)]
    lines = [f"  {named(node):<22}{marks(found, node)}" for node in shown]
    return "\n".join(["```text", f"  {'result of':<22}marks: # reaches the logits, · cannot", *lines, "```", ""])


def named(node: Node) -> str:
    """An op or an input in a few words; a parameter has no positions, and no name here."""
    return str(node.target) if node.kind is NodeKind.INPUT else node.op.removeprefix("aten::")


def marks(found: Bound, node: Node) -> str:
    """The marks of a node along its positions: of scores a line for each query that has any."""
    shape = found.run.shape(node.index)
    marked = np.broadcast_to(found.demand[node.index], (*shape, found.demand[node.index].shape[-1])).any(-1)[0]
    if shape[1:] == (6, 6):
        return "   ".join(f"query {row}: {signs(line)}" for row, line in enumerate(marked) if line.any())
    axes = tuple(axis for axis, size in enumerate(marked.shape) if size != 6)
    return signs(np.atleast_1d(marked.any(axis=axes))) + ("" if marked.ndim > len(axes) else "   (no positions)")


def signs(line: Any) -> str:
    """A row of marks."""
    return "".join("#" if mark else "·" for mark in line)


def modules() -> dict[str, Path]:
    """The modules of the three packages, by dotted name."""
    folders = {name: ROOT / root / name for name, (root, _) in PACKAGES.items()}
    return {
        ".".join((name, *file.relative_to(folder).with_suffix("").parts)).removesuffix(".__init__"): file
        for name, folder in folders.items()
        for file in sorted(folder.rglob("*.py"))
        if file.name != "__main__.py"
    }


def imports() -> nx.DiGraph[str]:
    """Which folder or top file of the packages imports which, inside functions too."""
    names, graph = modules(), nx.DiGraph()
    for name, file in names.items():
        graph.add_node(room(name))
        for other in imported(file, names):
            if room(other) != room(name):
                graph.add_edge(room(name), room(other))
    return graph


def imported(file: Path, names: dict[str, Path]) -> Iterator[str]:
    """The modules of the packages that a file imports."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in names)
        elif isinstance(node, ast.ImportFrom) and node.module in names:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in names else node.module


def room(module: str) -> str:
    """The folder or top file of a package in which a module lies."""
    return ".".join(module.split(".")[:2])


def floors(graph: nx.DiGraph[str]) -> list[list[str]]:
    """From the ground up: each stands one above the highest that it imports."""
    height: dict[str, int] = {}
    for name in reversed([*nx.topological_sort(graph)]):
        height[name] = 1 + max((height[below] for below in graph.successors(name)), default=0)
    height.pop("archtrace_reports", None)  # its __init__ holds nothing
    return [sorted(name for name in height if height[name] == floor) for floor in sorted({*height.values()})]


def drawn(storeys: list[list[str]]) -> str:
    """The floors as a picture, the highest on top."""
    rows = [line for number, storey in enumerate(reversed(storeys)) for line in row(storey, 56 + STEP * number)]
    height = 70 + STEP * len(storeys)
    key = [box(190 * number + 110, 26, name, name) for number, name in enumerate(PACKAGES)]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">'
    paper = f'<rect class="paper" width="{WIDTH}" height="{height}"/>'
    return "\n".join([head, f"<style>{STYLE}</style>", paper, *key, *rows, "</svg>", ""])


def row(storey: list[str], top: int) -> list[str]:
    """The boxes of a floor, side by side, in the middle."""
    widths = [wide(label(name)) for name in storey]
    left, boxes = (WIDTH - sum(widths) - 10 * (len(widths) - 1)) / 2, []
    for name, width in zip(storey, widths, strict=True):
        boxes.append(box(left + width / 2, top + STEP / 2, label(name), name.split(".")[0]))
        left += width + 10
    return boxes


def box(middle: float, centre: float, text: str, package: str) -> str:
    """A box with a text in it, in the colour of its package."""
    width, colour = wide(text), PACKAGES[package][1]
    frame = f'<rect x="{middle - width / 2:.0f}" y="{centre - 15:.0f}" width="{width:.0f}" height="30" rx="5"'
    return f'{frame} fill="{colour}"/><text x="{middle:.0f}" y="{centre + 5:.0f}">{text}</text>'


def label(name: str) -> str:
    """A folder or file without its package, which the colour shows."""
    return name.partition(".")[2] or name


def wide(text: str) -> float:
    """How wide a box must be for a text."""
    return 20 + CHARACTER * len(text)


if __name__ == "__main__":
    main()
