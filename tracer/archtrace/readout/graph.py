"""The dataflow graph as networkx: from the token positions to the logits."""

from __future__ import annotations

from collections import Counter

import networkx as nx

from archtrace.capture.program import NodeKind, Program
from archtrace.reach.bound import Bound
from archtrace.readout.analysis import Analysis


def build_graph(analysis: Analysis) -> nx.DiGraph[str]:
    """One graph node for each value that tokens reach and that may reach the logits, edges with the data.

    Token positions that may reach them are nodes "input_ids[:, p]" in front of the input. Attributes: `kind`
    ("position", "input", "op", "logits"), `op`, `module`, `shape`, `line` (file, line), `outputs` (the modules whose
    output it is).
    """
    bound: Bound = next(iter(analysis.bounds.values()))
    program = analysis.program
    outputs: dict[int, list[str]] = {}
    for name, indices in program.tensors.items():
        for index in indices:
            outputs.setdefault(index, []).append(name)
    names = _names(program)
    graph: nx.DiGraph[str] = nx.DiGraph(logits=names[program.output])
    on_the_way = {
        n.index for n in program.nodes if bound.demand[n.index] is not None and n.kind in (NodeKind.OP, NodeKind.INPUT)
    }
    for index in sorted(on_the_way):
        node = program.nodes[index]
        frame = node.frames[-1] if node.frames else None
        graph.add_node(
            names[index],
            kind="logits" if index == program.output else node.kind.value,
            op=node.op,
            module=node.module,
            shape=tuple(getattr(bound.run.values[index], "shape", ())),
            line=(frame.file, frame.line) if frame else None,
            outputs=tuple(outputs.get(index, ())),
        )
        graph.add_edges_from((names[r], names[index]) for r in node.refs if r in on_the_way)
    ids = program.inputs[analysis.ids]
    for position in sorted(set().union(*bound.tokens(ids))):
        graph.add_node(f"{analysis.ids}[:, {position}]", kind="position", position=position)
        graph.add_edge(f"{analysis.ids}[:, {position}]", names[ids])
    return graph


def _names(program: Program) -> list[str]:
    """A name for each node of a program, its own where no earlier node has it."""
    taken: Counter[str] = Counter()
    names = []
    for node in program.nodes:
        names.append(f"{node.name}.{taken[node.name]}" if taken[node.name] else node.name)
        taken[node.name] += 1
    return names
