"""The subject of a witness: what is watched in one layout."""

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
    """What is watched in one layout: the bound, the read tensors (node and axis by name), and the ids' node."""

    interpreter: Interpreter
    bound: Bound
    reads: Mapping[str, tuple[int, int]]
    ids: int
    layout: Mapping[str, torch.Tensor]
    #: Per node of features the elements that other ids make others, where that was looked at.
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
        """All tokens, by row and position; of documents of texts each text is a row."""
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

    def tokens(self, marks: Mapping[int, Marks]) -> Rows:
        """Marks on the features brought back to the ids that they were looked up by.

        Only where the analysis leaves one token to each element: of several it says which may reach it, and no run
        has shown which does.
        """
        own = {e: np.asarray(each & self._own[e] & self._varies(e)[..., None]) for e, each in marks.items()}
        demanded = self.interpreter.demand(self.bound.run, own)[self.ids] if own else None
        return self.bound.token_rows(single_marks(demanded), self.ids)

    @cached_property
    def comparisons(self) -> tuple[int, ...]:
        """The nodes that compare ids with special ones: what they say is structure, and stays as it is."""
        nodes, values = self.program.nodes, self.bound.run.values
        return tuple(node.index for node in nodes if node.kind is NodeKind.OP and special_ids(node, values))

    def elements(self, places: TokenPlaces) -> dict[int, Marks]:
        """Per node of floating features the elements that these tokens alone reach, and that may change."""
        masks: dict[int, Marks] = {}
        for e in self.entries():
            if self.bound.run.floating(e) and (mask := self._at(e, places)).any():
                masks[e] = np.asarray(mask & self.changeable(e))
        return masks

    def changeable(self, node: int) -> Marks:
        """The elements of a node's value of which nothing is certain, at full length."""
        return np.broadcast_to(is_open(certain_of(self.bound.run.values[node])), self.bound.run.shape(node))

    def _at(self, feature: int, places: TokenPlaces) -> Marks:
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
        own = (reached[..., tokens].any(-1, keepdims=True) & self._own[feature])[..., 0]
        return np.asarray(np.broadcast_to(own, shape) & self._varies(feature))

    def _varies(self, feature: int) -> Marks:
        return np.asarray(self.varying.get(feature, True))

    @cached_property
    def computed(self) -> tuple[int, ...]:
        """The floating entries that are made of what is computed from ids, and not looked up by the ids themselves."""
        run, nodes = self.bound.run, self.program.nodes
        floats = (e for e in self.entries() if e != self.ids and run.floating(e))
        return tuple(e for e in floats if any(_computed_from_ids(run.values[r]) for r in self._sources(nodes[e])))

    @cached_property
    def shared(self) -> bool:
        """Whether other ids show more than features: where these are integers, or of several tokens at once."""
        return any(not self.bound.run.floating(e) or not self._own[e].all() for e in self.entries())

    @cached_property
    def looked_up(self) -> bool:
        """Whether ids are looked up in tables, and nothing else is done with them or what is computed from them."""
        nodes = (self.program.nodes[e] for e in self.features)
        return not self.shared and all(node.op in TABLES for node in nodes)

    @cached_property
    def _own(self) -> Mapping[int, Marks]:
        """For each of the features where no more than one token may reach an element."""
        if not _by_tokens(self.bound.run.values[self.ids]):
            return dict.fromkeys(self.features, np.array(True))
        single = {e: np.array(True if r is None else r.sum(-1, keepdims=True) <= 1) for e, r in self._reached.items()}
        return {e: np.array(False) if e in self._mixed else own for e, own in single.items()}

    @cached_property
    def _mixed(self) -> frozenset[int]:
        """The features that are made of other features too: not all ways of tokens to them are known here."""
        users = self.program.users
        made_of_features = reachable({user for index in self.features for user in users[index]}, users.__getitem__)
        return frozenset(made_of_features.intersection(self.features))

    @cached_property
    def _reached(self) -> Mapping[int, Marks | None]:
        """For each of the features which tokens may reach its elements."""
        run, shape = self.bound.run, self.bound.run.shape(self.ids)
        several = (
            self.program.nodes[f].refs[0] for f in self.features if self.program.nodes[f].target is operator.getitem
        )
        ahead = {*self.features, *several, *(i for i, value in enumerate(run.values) if _by_tokens(value))}
        # Features lead on to all that the model computes; what is asked ends where they begin.
        steps = tuple(step if i in ahead or _any_by_tokens(run.values[i]) else None for i, step in enumerate(run.steps))
        count = math.prod(shape)
        each = np.eye(count, dtype=bool).reshape(*shape, count)
        reached = self.interpreter.influence(replace(run, steps=steps, deciding={}), {self.ids: each})
        return {e: single_marks(reached[e]) for e in self.features}


def _any_by_tokens(value: Value) -> bool:
    return isinstance(value, list | tuple) and any(map(_by_tokens, value))


def _by_tokens(value: Value) -> bool:
    """True for ids, and for what is computed from them alone."""
    return isinstance(value, Unknown) and value.real is not None


def _computed_from_ids(value: Value) -> bool:
    return isinstance(value, Unknown) and value.real is not None and not value.ids
