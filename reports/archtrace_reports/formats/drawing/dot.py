"""The path in the DOT language: a node a module or op. Roles show in shape and class; colours are the CSS's."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import graphviz

if TYPE_CHECKING:
    from archtrace.answer.drawing import Path, PathNode

#: Characters of a line of a label, and lines of one text in it.
LINE, LINES = 46, 3
#: role -> attributes of its nodes: told apart without colour.
ROLES: dict[str, dict[str, str]] = {
    "input": {"shape": "ellipse"},
    "read": {"shape": "box", "peripheries": "2"},
    "index": {"shape": "box", "style": "dashed"},
    "op": {"shape": "box"},
    "module": {"shape": "box", "style": "rounded"},
    "logits": {"shape": "ellipse", "peripheries": "2"},
}
GRAPH = {"rankdir": "TB", "nodesep": "0.3", "ranksep": "0.35", "bgcolor": "transparent"}
NODE = {"fontname": "Helvetica", "fontsize": "12", "margin": "0.16,0.08", "height": "0.3"}


def dot_source(path: Path, name: str) -> str:
    """The DOT text: nodes in execution order, edges in the direction of the data, the logits last."""
    graph = graphviz.Digraph(_plain(name), graph_attr=GRAPH, node_attr=NODE, edge_attr={"arrowsize": "0.7"})
    roles = {node.key: node.role for node in path.nodes}
    for node in path.nodes:
        graph.node(node.key, label=_label(node), **{"class": f"role-{node.role}"}, **ROLES[node.role])
    for start, end in path.edges:
        index = roles[start] in ("index", "input")
        graph.edge(start, end, **({"class": "beside", "style": "dashed"} if index else {}))
    if path.nodes:
        graph.node("logits", label="logits", **{"class": "role-logits"}, **ROLES["logits"])
        graph.edge(path.nodes[-1].key, "logits")
    return str(graph.source)


def _label(node: PathNode) -> Any:
    """What it is called, what it does, its shape and its source line, a line each."""
    lines = [line for text in (node.label, node.detail) for line in _wrapped(text)]
    shape = " × ".join(map(str, node.shape))
    last = "  ".join(part for part in (shape, node.place) if part)
    return graphviz.nohtml(r"\n".join(_literal(line) for line in [*lines, last] if line))


def _literal(line: str) -> str:
    """Text that dot takes as it is: no escapes, no entities."""
    return str(graphviz.escape(line.replace("&", "&amp;")))


def _wrapped(text: str) -> Iterator[str]:
    lines = textwrap.wrap(" ".join(text.split()), LINE)
    yield from lines[: LINES - 1]
    if len(lines) > LINES:
        yield lines[LINES - 1][: LINE - 1] + "…"
    else:
        yield from lines[LINES - 1 :]


def _plain(name: str) -> str:
    """A graph's name: letters and digits alone."""
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in name)
