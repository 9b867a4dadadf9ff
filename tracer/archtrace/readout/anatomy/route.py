"""The path: from the read tensors to the logits, a node a module or op, with what computes the index beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path as File

import torch

from archtrace.answer.drawing import Path, PathNode, PathRole
from archtrace.capture.program import Node, NodeKind, reachable
from archtrace.ops import PASS_THROUGH
from archtrace.reach.bound import Bound
from archtrace.readout.analysis import Analysis
from archtrace.readout.source_expression import frame_of, source_of


def route(module: torch.nn.Module, analysis: Analysis) -> Path:
    """The path in the layout that tells most of selections."""
    return _Route(module, analysis, analysis.bounds[analysis.reference]).path()


@dataclass(frozen=True, eq=False)
class _Route:
    module: torch.nn.Module
    analysis: Analysis
    bound: Bound

    @property
    def _nodes(self) -> tuple[Node, ...]:
        return self.bound.program.nodes

    def path(self) -> Path:
        """Groups become nodes; an edge runs where a member of one takes a member of another."""
        edges = {(a, b): None for i in sorted(self._drawn_nodes) for a, b in self._edges(i) if a != b}
        return Path(tuple(self._path_node(first, members) for first, members in self._groups.items()), tuple(edges))

    @cached_property
    def _reads(self) -> Mapping[int, str]:
        return {tensor.node: tensor.name for tensor in self.analysis.tensors(self.analysis.reference)}

    @cached_property
    def _drawn_nodes(self) -> frozenset[int]:
        """What leads to the logits, back to the read tensors and, beside them, to the inputs."""
        # From the logits back: past a read tensor lies the backbone, which the module tree shows.
        carrying = self.bound.carrying

        def back(index: int) -> list[int]:
            refs = () if index in self._reads else self._nodes[index].refs
            return [ref for ref in refs if ref in carrying or self._is_known_from_input(ref)]

        return frozenset(reachable({self.bound.program.output}, back))

    def _is_known_from_input(self, index: int) -> bool:
        """True for what is known in the layout and comes from an input, as an index does."""
        return index in self._from_inputs and not self._unknown(index)

    @cached_property
    def _from_inputs(self) -> frozenset[int]:
        """What inputs lead to."""
        program = self.bound.program
        return frozenset(reachable(program.inputs.values(), program.users.__getitem__))

    @cached_property
    def _groups(self) -> dict[int, list[int]]:
        """Members by their first: the ops of one call of a module without submodules, or one op."""
        groups: dict[int, list[int]] = {}
        key: object = None
        for index in sorted(self._drawn_nodes):
            if self._is_skipped(index):
                continue
            module = self._nodes[index].module
            # Ops of one call of a leaf module are one node: nobody looks for the transpose within a Linear.
            leaf = index not in self._reads and module in self._leaves and self._unknown(index)
            if leaf and key == module:
                groups[next(reversed(groups))].append(index)
            else:
                groups[index] = [index]
            key = module if leaf else None
        return groups

    @cached_property
    def _leaves(self) -> frozenset[str]:
        return frozenset(path for path, part in self.module.named_modules() if path and not any(part.children()))

    def _unknown(self, index: int) -> bool:
        return self.bound.unknown(index)

    def _is_skipped(self, index: int) -> bool:
        """A plain op outside any leaf module, past which an edge runs straight on."""
        node = self._nodes[index]
        free = node.module not in self._leaves or not self._unknown(index)
        special = index in self._reads or index == self.bound.program.output or not node.refs
        return free and not special and node.op in PASS_THROUGH

    @cached_property
    def _numbers(self) -> dict[int, int]:
        return {first: number for number, first in enumerate(self._groups, 1)}

    def _key(self, first: int) -> str:
        return f"n{self._numbers[first]}"

    @cached_property
    def _first(self) -> dict[int, int]:
        return {i: first for first, members in self._groups.items() for i in members}

    def _edges(self, index: int) -> Iterator[tuple[str, str]]:
        if index in self._reads or index not in self._first:
            return
        for origin in self._origins(index):
            yield self._key(self._first[origin]), self._key(self._first[index])

    def _origins(self, index: int) -> Iterator[int]:
        """The grouped nodes that a node takes, through what is skipped."""
        for ref in dict.fromkeys(self._nodes[index].refs):
            if ref in self._first:
                yield ref
            elif ref in self._drawn_nodes:
                yield from self._origins(ref)

    def _path_node(self, first: int, members: list[int]) -> PathNode:
        node = self._nodes[members[-1]]
        role = self._role(members)
        label, detail = self._words(self._nodes[first], role, members)
        shape = tuple(getattr(self.bound.run.values[node.index], "shape", ()))
        frame = frame_of(self._nodes[first]) if role not in ("input", "read") else None
        place = f"{File(frame.file).name}:{frame.line}" if frame else ""
        return PathNode(self._key(first), role, label, detail, shape, place)

    def _role(self, members: list[int]) -> PathRole:
        index = members[-1]
        if index in self._reads:
            return "read"
        if self._nodes[index].kind is NodeKind.INPUT:
            return "input"
        if not self._unknown(index):
            return "index"
        return "module" if self._nodes[index].module in self._leaves else "op"

    def _words(self, node: Node, role: PathRole, members: list[int]) -> tuple[str, str]:
        """What a node is called, and what it does: a module's class, an op's source expression."""
        if role == "read":
            return self._reads[members[-1]], node.module
        if role == "input":
            return str(node.target), ""
        if role == "module":
            return node.module, node.modules[-1].type.rpartition(".")[2]
        source = source_of(node, self._turn(node))
        return node.op.partition("::")[2] or node.op, source.expression if source else ""

    def _turn(self, node: Node) -> tuple[int, int]:
        """Which of how many: a line may call an op several times."""
        same = [n.index for n in self._nodes if n.op == node.op and n.lines == node.lines and n.modules == node.modules]
        return same.index(node.index), len(same)
