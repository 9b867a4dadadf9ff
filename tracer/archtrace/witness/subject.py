"""The subject of numeric runs: what a witness watches in one layout."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch

from archtrace.answer.positions import Rows
from archtrace.capture.program import Node, NodeKind, Program, reachable
from archtrace.ops import TABLES
from archtrace.reach.bound import Bound
from archtrace.reach.interpreter import Interpreter
from archtrace.reach.marks import Marks, single_marks
from archtrace.reach.token_values import special_ids
from archtrace.reach.values import Unknown, Value, certain_of, is_open
from archtrace.witness.position_sets import TokenPlaces


@dataclass(frozen=True, eq=False)
class Subject:
    """What a witness watches in one layout: the bound, the read tensors (node and axis by name), and the node of the
    ids. An *entry* is a node at which ids become features."""

    interpreter: Interpreter
    bound: Bound
    reads: Mapping[str, tuple[int, int]]
    ids: int
    layout: Mapping[str, torch.Tensor]
    #: Per node of features the elements that change with the ids; all of them where a node is missing.
    varying: Mapping[int, Marks] = field(default_factory=dict)

    @property
    def program(self) -> Program:
        """The program that runs."""
        return self.bound.program

    @property
    def name(self) -> str:
        """The input that holds the tokens."""
        return str(self.program.nodes[self.ids].target)

    @property
    def places(self) -> list[tuple[int, int]]:
        """All tokens, by row and position; each text of a document is a row of its own."""
        ids = self.layout[self.name]
        rows, length = ids.shape[:2] if ids.is_floating_point() else ids.flatten(0, -2).shape
        return [(row, position) for row in range(rows) for position in range(length)]

    def entries(self) -> tuple[int, ...]:
        """Nodes at which ids become features, on the way to the logits; the input itself where it is features."""
        return tuple(index for index in self.features if self.bound.demand[index] is not None)

    @cached_property
    def features(self) -> tuple[int, ...]:
        """Nodes at which ids become features, whether the bound has a way from them to the logits or not."""
        values = self.bound.run.values
        if not _is_token_value(values[self.ids]):
            return (self.ids,)
        return tuple(
            node.index
            for node in self.program.nodes
            if isinstance(values[node.index], Unknown)
            and not _is_token_value(values[node.index])
            and any(_is_token_value(values[ref]) for ref in self._sources(node))
        )

    def _sources(self, node: Node) -> tuple[int, ...]:
        """The operands of a node; for one of several results, those of the op that made it."""
        return self.program.nodes[node.refs[0]].refs if node.target is operator.getitem else node.refs

    def tokens(self, marks: Mapping[int, Marks]) -> Rows:
        """The tokens from which marked features were made.

        Only elements that a single token may reach count: where several may, no run has shown which of them does.
        """
        single = {e: np.asarray(m & self._single_token[e] & self._varies(e)[..., None]) for e, m in marks.items()}
        demanded = self.interpreter.demand(self.bound.run, single)[self.ids] if single else None
        return self.bound.token_rows(single_marks(demanded), self.ids)

    @cached_property
    def comparisons(self) -> tuple[int, ...]:
        """The nodes that compare ids with special ones: their results belong to the layout, and stay as they are."""
        nodes, values = self.program.nodes, self.bound.run.values
        return tuple(node.index for node in nodes if node.kind is NodeKind.OP and special_ids(node, values))

    def elements(self, places: TokenPlaces) -> dict[int, Marks]:
        """Per entry with floating features, the elements that only these tokens reach, and that may change."""
        masks: dict[int, Marks] = {}
        for e in self.entries():
            if self.bound.run.floating(e) and (mask := self._elements_of(e, places)).any():
                masks[e] = np.asarray(mask & self.changeable(e))
        return masks

    def changeable(self, node: int) -> Marks:
        """The elements of a node's value that the layout does not fix, at full shape."""
        return np.broadcast_to(is_open(certain_of(self.bound.run.values[node])), self.bound.run.shape(node))

    def _elements_of(self, feature: int, places: TokenPlaces) -> Marks:
        shape = self.bound.run.shape(feature)
        if feature == self.ids:
            mask = np.zeros(shape, dtype=np.bool_)
            for place in places:
                mask[place] = True
            return mask
        length, reached = self.bound.run.shape(self.ids)[-1], self._reached[feature]
        if reached is None:
            return np.zeros(shape, dtype=np.bool_)
        tokens = [row * length + position for row, position in places]
        single = (reached[..., tokens].any(-1, keepdims=True) & self._single_token[feature])[..., 0]
        return np.asarray(np.broadcast_to(single, shape) & self._varies(feature))

    def _varies(self, feature: int) -> Marks:
        return np.asarray(self.varying.get(feature, True))

    @cached_property
    def computed_entries(self) -> tuple[int, ...]:
        """The floating entries that come from values computed from ids, and are not looked up by the ids themselves."""
        run, nodes = self.bound.run, self.program.nodes
        floats = (e for e in self.entries() if e != self.ids and run.floating(e))
        return tuple(e for e in floats if any(_is_computed_from_ids(run.values[r]) for r in self._sources(nodes[e])))

    @cached_property
    def has_shared_features(self) -> bool:
        """Whether other ids show more than other features do: features may be integers, or made from several tokens."""
        return any(not self.bound.run.floating(e) or not self._single_token[e].all() for e in self.entries())

    @cached_property
    def only_looks_up(self) -> bool:
        """Whether ids, and what is computed from them, are looked up in tables and used for nothing else."""
        nodes = (self.program.nodes[e] for e in self.features)
        return not self.has_shared_features and all(node.op in TABLES for node in nodes)

    @cached_property
    def _single_token(self) -> Mapping[int, Marks]:
        """For each node of features, the elements that at most one token may reach."""
        if not _is_token_value(self.bound.run.values[self.ids]):
            return dict.fromkeys(self.features, np.array(True))
        single = {e: np.array(True if r is None else r.sum(-1, keepdims=True) <= 1) for e, r in self._reached.items()}
        return {e: np.array(False) if e in self._mixed else mask for e, mask in single.items()}

    @cached_property
    def _mixed(self) -> frozenset[int]:
        """The features that are made of other features too: not all ways of tokens to them are known here."""
        users = self.program.users
        made_of_features = reachable({user for index in self.features for user in users[index]}, users.__getitem__)
        return frozenset(made_of_features.intersection(self.features))

    @cached_property
    def _reached(self) -> Mapping[int, Marks | None]:
        """For each node of features, which tokens may reach its elements."""
        run, shape = self.bound.run, self.bound.run.shape(self.ids)
        many_results = (
            self.program.nodes[f].refs[0] for f in self.features if self.program.nodes[f].target is operator.getitem
        )
        from_ids = (i for i, v in enumerate(run.values) if _is_token_value(v) or _has_token_values(v))
        # Features lead on to all that the model computes; the question ends where they begin.
        needed = {*self.features, *many_results, *from_ids}
        steps = tuple(step if i in needed else None for i, step in enumerate(run.steps))
        count = math.prod(shape)
        token_marks = np.eye(count, dtype=bool).reshape(*shape, count)
        reached = self.interpreter.influence(replace(run, steps=steps, deciding={}), {self.ids: token_marks})
        return {e: single_marks(reached[e]) for e in self.features}


def _has_token_values(value: Value) -> bool:
    return isinstance(value, list | tuple) and any(map(_is_token_value, value))


def _is_token_value(value: Value) -> bool:
    """Whether a value is that of ids, or computed from ids alone."""
    return isinstance(value, Unknown) and value.real is not None


def _is_computed_from_ids(value: Value) -> bool:
    return isinstance(value, Unknown) and value.real is not None and not value.ids
