"""Mermaid: the path from the read slices to the logits as a flowchart, which GitHub draws in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

from archtrace.answer.drawing import Path, PathNode, PathRole
from archtrace.answer.result import Result
from archtrace_reports.text.look import Look
from archtrace_reports.text.report import Report
from archtrace_reports.text.untrusted import cleaned

SUFFIXES = (".mmd", ".mermaid")
DRAWN = True
#: role -> the brackets of its node's shape: told apart without colour.
SHAPES: Mapping[PathRole, tuple[str, str]] = {
    "input": ("([", "])"),
    "read": ("[[", "]]"),
    "index": ("{{", "}}"),
    "op": ("[", "]"),
    "module": ("(", ")"),
}
#: What needs no escape in a quoted label; all else may mean something to Mermaid, Markdown or HTML.
PLAIN = frozenset(" _.,:=+-/×")


def render(report: Report, look: Look) -> str:
    """The flowchart; of several targets a subgraph each."""
    del look
    results = cleaned(report).results
    lines = ["flowchart TD"]
    for number, result in enumerate(results):
        drawn = [*_flow(path_of(result), f"t{number}")]
        if len(results) > 1:
            drawn = [f"subgraph s{number}[{_label(result.target)}]", *(f"  {line}" for line in drawn), "end"]
        lines += [f"  {line}" for line in drawn]
    return "\n".join(lines) + "\n"


def path_of(result: Result) -> Path:
    """The path of the drawing; of an answer without drawings, such as a saved one, its slices and their steps."""
    if result.anatomy is not None and result.anatomy.path.nodes:
        return result.anatomy.path
    chains = [[*_chain(result, number)] for number in range(len(result.readouts))]
    nodes = {node.key: node for chain in chains for node in chain}
    edges = dict.fromkeys((a.key, b.key) for chain in chains for a, b in pairwise(chain))
    return Path(tuple(nodes.values()), tuple(edges))


def _chain(result: Result, number: int) -> Iterator[PathNode]:
    """A read slice and the steps behind it; steps that two slices share are one."""
    readout = result.readouts[number]
    yield PathNode(f"slice{number}", "read", readout.slice, "", (), "")
    for step in readout.steps:
        key = f"{step.module} {step.detail}" if step.module else f"{number} {step.detail}"
        yield PathNode(key, "module" if step.module else "op", step.module or step.detail, step.detail, (), "")


def _flow(path: Path, prefix: str) -> Iterator[str]:
    """A line a node, then a line an edge, in the direction of the data; dashed from what only says where to read."""
    names = {node.key: f"{prefix}n{number}" for number, node in enumerate(path.nodes)}
    roles = {node.key: node.role for node in path.nodes}
    for node in path.nodes:
        opening, closing = SHAPES[node.role]
        yield f"{names[node.key]}{opening}{_label(*_texts(node))}{closing}"
    for start, end in path.edges:
        yield f"{names[start]} {'-.->' if roles[start] in ('index', 'input') else '-->'} {names[end]}"
    yield f"{prefix}out(({_label('logits')}))"
    ends = set(names) - {start for start, _ in path.edges}
    yield from (f"{name} --> {prefix}out" for key, name in names.items() if key in ends)


def _texts(node: PathNode) -> Iterator[str]:
    """Its name, what it does where the name does not say so, and where."""
    yield node.label
    if node.detail and node.detail != node.label:
        yield node.detail
    if node.place:
        yield node.place


def _label(*texts: str) -> str:
    """Quoted text, a line each. Anything that could end or format it is written as the number of its character."""
    return '"' + "<br>".join("".join(map(_character, text)) for text in texts) + '"'


def _character(character: str) -> str:
    return character if character.isalnum() or character in PLAIN else f"#{ord(character)};"
