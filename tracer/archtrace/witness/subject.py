"""The subject of a witness: what is watched in one layout."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch

from archtrace.answer.positions import Rows
from archtrace.capture.program import Node, NodeKind, Program
from archtrace.ops import TABLES
from archtrace.reach.bound import Bound
from archtrace.reach.interpreter import Interpreter
from archtrace.reach.token_values import special_ids
from archtrace.reach.values import Unknown, is_open


@dataclass(frozen=True, eq=False)
class Subject:
    """What is watched in one layout: the bound, the read tensors (node and axis by name), and the ids' node."""

    interpreter: Interpreter
    found: Bound
    reads: Mapping[str, tuple[int, int]]
    ids: int
    layout: Mapping[str, torch.Tensor]
    #: Per node of features the elements that other ids make others, where that was looked at.
    varying: Mapping[int, Any] = field(default_factory=dict)

    @property
    def program(self) -> Program:
        """The program that runs."""
        return self.found.program

    @property
    def name(self) -> str:
        """The input that holds the tokens."""
        return str(self.program.nodes[self.ids].target)

    @property
    def places(self) -> list[tuple[int, int]]:
        """All tokens, by row and position; of documents of texts each text is a row."""
        ids = self.layout[self.name]
        rows, length = ids.shape[:2] if ids.is_floating_point() else ids.flatten(0, -2).shape
        return [(row, position) for row in range(rows) for position in range(length)]

    def entries(self) -> tuple[int, ...]:
        """Nodes at which ids become features, on the way to the logits; the input itself where it is features."""
        return tuple(index for index in self.features if self.found.demand[index] is not None)

    @cached_property
    def features(self) -> tuple[int, ...]:
        """Nodes at which ids become features, whether the bound has a way from them to the logits or not."""
        values = self.found.run.values
        if not _by_tokens(values[self.ids]):
            return (self.ids,)
        return tuple(
            node.index
            for node in self.program.nodes
            if isinstance(values[node.index], Unknown)
            and not _by_tokens(values[node.index])
            and any(_by_tokens(values[ref]) for ref in self._sources(node))
        )

    def _sources(self, node: Node) -> tuple[int, ...]:
        """What a node takes; of one of several results, what made them all."""
        return self.program.nodes[node.refs[0]].refs if node.target is operator.getitem else node.refs

    def tokens(self, marks: Mapping[int, Any]) -> Rows:
        """Marks on the features brought back to the ids that they were looked up by.

        Only where the analysis leaves one token to each element: of several it says which may reach it, and no run
        has shown which does.
        """
        marks = {e: each & self._own[e] & self._varies(e)[..., None] for e, each in marks.items()}
        demand = self.interpreter.demand(self.found.run, marks) if marks else [None] * len(self.program.nodes)
        return self.found.token_rows(demand[self.ids], self.ids)

    @cached_property
    def comparisons(self) -> tuple[int, ...]:
        """The nodes that compare ids with special ones: what they say is structure, and stays as it is."""
        nodes, values = self.program.nodes, self.found.run.values
        return tuple(node.index for node in nodes if node.kind is NodeKind.OP and special_ids(node, values))

    def elements(self, places: Sequence[tuple[int, int]]) -> dict[int, Any]:
        """Per node of floating features the elements that these tokens alone reach, and that may change."""
        masks = {}
        for e in self.entries():
            value = self.found.run.values[e]
            if value.dtype.is_floating_point and (mask := self._at(e, value, places)).any():
                masks[e] = mask & np.broadcast_to(is_open(value.certain), value.shape)
        return masks

    def _at(self, feature: int, value: Unknown, places: Sequence[tuple[int, int]]) -> Any:
        if feature == self.ids:
            mask = np.zeros(value.shape, bool)
            for place in places:
                mask[place] = True
            return mask
        length, reached = self.found.run.shape(self.ids)[-1], self._reached[feature]
        if reached is None:
            return np.zeros(value.shape, bool)
        tokens = [row * length + position for row, position in places]
        own = (reached[..., tokens].any(-1, keepdims=True) & self._own[feature])[..., 0]
        return np.broadcast_to(own, value.shape) & self._varies(feature)

    def _varies(self, feature: int) -> Any:
        return np.asarray(self.varying.get(feature, True))

    @cached_property
    def computed(self) -> tuple[int, ...]:
        """The floating entries that are made of what is computed from ids, and not looked up by the ids themselves."""
        values, nodes = self.found.run.values, self.program.nodes
        floats = (e for e in self.entries() if e != self.ids and values[e].dtype.is_floating_point)
        return tuple(
            e for e in floats if any(_by_tokens(v := values[r]) and not v.ids for r in self._sources(nodes[e]))
        )

    @cached_property
    def shared(self) -> bool:
        """Whether other ids show more than features: where these are integers, or of several tokens at once."""
        values = self.found.run.values
        return any(not values[e].dtype.is_floating_point or not np.all(self._own[e]) for e in self.entries())

    @cached_property
    def looked_up(self) -> bool:
        """Whether ids are looked up in tables, and nothing else is done with them or what is computed from them."""
        nodes = (self.program.nodes[e] for e in self.features)
        return not self.shared and all(node.op in TABLES for node in nodes)

    @cached_property
    def _own(self) -> Mapping[int, Any]:
        """For each of the features where no more than one token may reach an element."""
        if not _by_tokens(self.found.run.values[self.ids]):
            return dict.fromkeys(self.features, np.True_)
        alone = {e: np.True_ if r is None else r.sum(-1, keepdims=True) <= 1 for e, r in self._reached.items()}
        return {e: np.False_ if e in self._mixed else own for e, own in alone.items()}

    @cached_property
    def _mixed(self) -> frozenset[int]:
        """The features that are made of other features too: not all ways of tokens to them are known here."""
        behind, features = set[int](), set(self.features)
        for node in self.program.nodes:
            if not behind.isdisjoint(node.refs) or not features.isdisjoint(node.refs):
                behind.add(node.index)
        return frozenset(features & behind)

    @cached_property
    def _reached(self) -> Mapping[int, Any]:
        """For each of the features which tokens may reach its elements."""
        run, shape = self.found.run, self.found.run.shape(self.ids)
        several = (
            self.program.nodes[f].refs[0] for f in self.features if self.program.nodes[f].target is operator.getitem
        )
        ahead = {*self.features, *several, *(i for i, value in enumerate(run.values) if _by_tokens(value))}
        # Features lead on to all that the model computes; what is asked ends where they begin.
        steps = tuple(step if i in ahead or _any_by_tokens(run.values[i]) else None for i, step in enumerate(run.steps))
        count = math.prod(shape)
        each = np.eye(count, dtype=bool).reshape(*shape, count)
        found = self.interpreter.influence(replace(run, steps=steps, deciding={}), {self.ids: each})
        return {e: found[e] for e in self.features}


def _any_by_tokens(value: Any) -> bool:
    return isinstance(value, list | tuple) and any(map(_by_tokens, value))


def _by_tokens(value: Any) -> bool:
    """True for ids, and for what is computed from them alone."""
    return isinstance(value, Unknown) and value.real is not None
