"""The subject of a witness: what is watched in one layout."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch

from archtrace.answer.positions import Rows
from archtrace.capture.program import Node, Program
from archtrace.reach.bound import Bound
from archtrace.reach.interpreter import Interpreter
from archtrace.reach.values import Unknown


@dataclass(frozen=True, eq=False)
class Subject:
    """What is watched in one layout: the bound, the read tensors (node and axis by name), and the ids' node."""

    interpreter: Interpreter
    found: Bound
    reads: Mapping[str, tuple[int, int]]
    ids: int
    layout: Mapping[str, torch.Tensor]

    @property
    def program(self) -> Program:
        """The program that runs."""
        return self.found.program

    @property
    def name(self) -> str:
        """The input that holds the tokens."""
        return str(self.program.nodes[self.ids].target)

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
        marks = {e: each & self._own[e] for e, each in marks.items()}
        demand = self.interpreter.demand(self.found.run, marks) if marks else [None] * len(self.program.nodes)
        return self.found.token_rows(demand[self.ids], self.ids)

    @cached_property
    def _own(self) -> Mapping[int, Any]:
        """For each of the features where no more than one token may reach an element."""
        run, shape = self.found.run, self.found.run.shape(self.ids)
        if not _by_tokens(run.values[self.ids]):
            return dict.fromkeys(self.features, np.True_)
        ahead = {*self.features, *(i for i, value in enumerate(run.values) if _by_tokens(value))}
        # Features lead on to all that the model computes; what is asked ends where they begin.
        steps = tuple(step if i in ahead or _any_by_tokens(run.values[i]) else None for i, step in enumerate(run.steps))
        count = math.prod(shape)
        each = np.eye(count, dtype=bool).reshape(*shape, count)
        found = self.interpreter.influence(replace(run, steps=steps, deciding={}), {self.ids: each})
        return {e: True if found[e] is None else found[e].sum(-1, keepdims=True) <= 1 for e in self.features}


def _any_by_tokens(value: Any) -> bool:
    return isinstance(value, list | tuple) and any(map(_by_tokens, value))


def _by_tokens(value: Any) -> bool:
    """True for ids, and for what is computed from them alone."""
    return isinstance(value, Unknown) and value.real is not None
