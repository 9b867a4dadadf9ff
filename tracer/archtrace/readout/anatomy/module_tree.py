"""Blocks: the modules of a model as a tree, what each takes from its siblings, and alike ones in a row as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby

import torch

from archtrace.answer.drawing import Block
from archtrace.capture.program import Node, NodeKind, Program
from archtrace.reach.bound import Bound


def blocks(module: torch.nn.Module, bounds: Sequence[Bound]) -> Block:
    """The tree of a built model, by what its program does in any of the layouts."""
    return _Tree(module, bounds).block("")


@dataclass(frozen=True, eq=False)
class _Tree:
    module: torch.nn.Module
    bounds: Sequence[Bound]

    @property
    def _program(self) -> Program:
        return self.bounds[0].program

    @cached_property
    def _parts(self) -> dict[str, torch.nn.Module]:
        return dict(self.module.named_modules(remove_duplicate=False))

    @cached_property
    def _children(self) -> dict[str, list[str]]:
        """Paths of the children of each path, in the order in which they run; what never runs comes last."""
        children: dict[str, list[str]] = {path: [] for path in self._parts}
        for path in self._parts:
            if path:
                children[path.rpartition(".")[0]].append(path)
        return {p: sorted(c, key=lambda x: self._nodes[x][0].index if self._nodes[x] else 1 << 60)
                for p, c in children.items()}  # fmt: skip

    @cached_property
    def _nodes(self) -> dict[str, list[Node]]:
        """The ops that run within each module, in order."""
        nodes: dict[str, list[Node]] = {path: [] for path in self._parts}
        for node in self._program.nodes:
            if node.kind is NodeKind.OP:
                for path in _prefixes(node.module):
                    if path in nodes:
                        nodes[path].append(node)
        return nodes

    @cached_property
    def _live(self) -> frozenset[str]:
        """The modules of which something reaches the logits: an op within, or the output that they pass on."""
        live: set[str] = set()
        for bound in {id(each.program): each for each in self.bounds}.values():
            live |= self._live_in(bound)
        return frozenset(live)

    def _live_in(self, bound: Bound) -> set[str]:
        alike = [each for each in self.bounds if each.program is bound.program]
        reached = {n.index for n in bound.program.nodes if any(each.reached(n.index) for each in alike)}
        passed = {p for p, ids in bound.program.tensors.items() if p in self._parts and reached.intersection(ids)}
        paths = passed | {bound.program.nodes[index].module for index in reached}
        return {prefix for path in paths for prefix in _prefixes(path)}

    def block(self, path: str, takes: tuple[str, ...] = ()) -> Block:
        """A module with its children, down to the last."""
        part = self._parts[path]
        taken = self._taken(path)
        # Twelve alike layers are one line that says how many they are.
        groups = [list(group) for _, group in groupby(self._children[path], self._group)]
        names = {name: _joined(group) for group in groups for name in map(_name, group)}
        children = [self._folded(group, names, taken) for group in groups]
        count = sum(p.numel() for p in part.parameters())
        return Block(_name(path), type(part).__name__, 1, count, self._shape(path), takes, path in self._live,
                     tuple(children))  # fmt: skip

    def _folded(self, group: list[str], names: dict[str, str], taken: dict[str, set[str]]) -> Block:
        """Alike modules in a row as one."""
        joined = _joined(group)
        takes = {names[t] for path in group for t in taken[_name(path)]} - {joined}
        first = self.block(group[0], tuple(dict.fromkeys(names[n] for n in names if names[n] in takes)))
        return replace(first, name=joined, count=len(group))

    def _group(self, path: str) -> object:
        """What alike modules in a row share; others share nothing."""
        name = _name(path)
        return self._structures[path] if name.isdigit() else path

    @cached_property
    def _structures(self) -> dict[str, object]:
        """Class, parameters, output and children of each module: equal where modules are alike. Children first."""
        structures: dict[str, object] = {}
        for path in sorted(self._parts, key=lambda p: -len(_prefixes(p))):
            part = self._parts[path]
            sizes = tuple((n, tuple(p.shape)) for n, p in part.named_parameters(recurse=False))
            inner = tuple((_name(c), structures[c]) for c in self._children[path])
            structures[path] = hash((type(part).__name__, sizes, self._shape(path), path in self._live, inner))
        return structures

    def _shape(self, path: str) -> tuple[int, ...]:
        indices = self._program.tensors.get(path, ())
        return tuple(getattr(self.bounds[0].run.values[indices[0]], "shape", ())) if indices else ()

    def _taken(self, path: str) -> dict[str, set[str]]:
        """For each child the siblings whose values it takes, directly or through ops of the parent's own forward."""
        depth = len(_prefixes(path)) - 1
        taken: dict[str, set[str]] = {_name(c): set() for c in self._children[path]}
        made_by: dict[int, frozenset[str]] = {}
        for node in self._nodes[path]:
            parts = node.module.split(".") if node.module else []
            child = parts[depth] if len(parts) > depth else None
            origins = frozenset().union(*(made_by.get(r, frozenset()) for r in node.refs))
            if child in taken:
                taken[child] |= origins - {child}
                origins = frozenset({child})
            made_by[node.index] = origins
        return taken


def _prefixes(path: str) -> list[str]:
    """ "a.b" -> "", "a", "a.b"."""
    parts = path.split(".") if path else []
    return [".".join(parts[:k]) for k in range(len(parts) + 1)]


def _name(path: str) -> str:
    return path.rpartition(".")[2]


def _joined(group: list[str]) -> str:
    first, last = _name(group[0]), _name(group[-1])
    return first if first == last else f"{first} to {last}"
