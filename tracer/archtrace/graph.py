"""The dataflow graph as networkx: from the token positions to the logits."""

from __future__ import annotations

import networkx as nx

from archtrace.bounds import Bound
from archtrace.program import Kind
from archtrace.study import Study


def build_graph(study: Study) -> "nx.DiGraph[str]":
    """One graph node for each value that tokens reach and that may reach the logits, edges with the data.

    Token positions are nodes "input_ids[:, p]" in front of the input. Attributes: `kind` ("position", "input",
    "op", "logits"), `op`, `module`, `shape`, `line` (file, line), `outputs` (the modules whose output it is).
    """
    found: Bound = next(iter(study.bounds.values()))
    program = study.program
    outputs: dict[int, list[str]] = {}
    for name, nodes in program.tensors.items():
        for node in nodes:
            outputs.setdefault(node, []).append(name)
    graph: nx.DiGraph[str] = nx.DiGraph(logits=program.nodes[program.output].name)
    kept = {n.index for n in program.nodes if found.demand[n.index] is not None and n.kind in (Kind.OP, Kind.INPUT)}
    for index in sorted(kept):
        node = program.nodes[index]
        frame = node.frames[-1] if node.frames else None
        graph.add_node(
            node.name,
            kind="logits" if index == program.output else node.kind.value,
            op=node.op,
            module=node.module,
            shape=tuple(getattr(found.run.values[index], "shape", ())),
            line=(frame.file, frame.line) if frame else None,
            outputs=tuple(outputs.get(index, ())),
        )
        graph.add_edges_from((program.nodes[r].name, node.name) for r in node.refs if r in kept)
    ids = program.inputs[study.ids]
    for position in range(study.length):
        graph.add_node(f"{study.ids}[:, {position}]", kind="position", position=position)
        graph.add_edge(f"{study.ids}[:, {position}]", program.nodes[ids].name)
    return graph
