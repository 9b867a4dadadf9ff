"""Interpret a program in one layout: what every value is, what reaches it, and what of it reaches the logits.

Three passes over one list of nodes. `values` (forward) computes known values, and for unknown ones what is certain and
how the operands flow in. `influence` (forward) and `demand` (backward) carry marks along these flows; they are
transposes of each other. Steps and passes are cached by the structure of what goes in, so that the hundredth
layer of a model costs a look-up.
"""

from __future__ import annotations

import operator
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import torch

from archtrace.capture.decisions import Decision
from archtrace.capture.execute import is_undecided
from archtrace.capture.program import Node, NodeKind, Program
from archtrace.ops import LENDERS, SHAPE_ONLY
from archtrace.reach.calling import call_of
from archtrace.reach.data_dependent import by_standin, guard, masked_write_step, selection_step, with_standins
from archtrace.reach.keys import Keys, context_of, is_keyed
from archtrace.reach.known import evaluate, in_this_layout, is_known, takes_only_known, without_values
from archtrace.reach.log_softmax import log_softmax_of, normalising
from archtrace.reach.mark_cache import MarkCache
from archtrace.reach.marks import Marks, NodeMarks, diagonal, join, single_marks, where
from archtrace.reach.ranges import limit_landing
from archtrace.reach.rules.registry import Transfer, apply, whole_number
from archtrace.reach.scales import OF_IDS
from archtrace.reach.sums import constant_sum, without_flows
from archtrace.reach.token_values import decides, in_layout, indices_of, special_ids, through_index, with_reals
from archtrace.reach.values import Unknown, Value, dtype_of, free, shape_of_value, unknown

Layout: TypeAlias = Mapping[str, torch.Tensor]
#: A node's value, the step behind it, and the value's key; None where a key does not say all of the value.
_Outcome: TypeAlias = tuple[Value, Transfer | None, Hashable]


@dataclass(frozen=True, eq=False)
class Interpretation:
    """A program's values in one layout, and the step behind each unknown one.

    `deciding`: per node the nodes whose values decide there how the program goes on, though the layout does not fix
    them: what Python takes out of ids, and sizes.
    """

    program: Program
    values: tuple[Value, ...]
    steps: tuple[Transfer | None, ...]
    deciding: Mapping[int, frozenset[int]]

    def shape(self, index: int) -> tuple[int, ...]:
        """The shape of a node's value."""
        return shape_of_value(self.values[index])

    def floating(self, index: int) -> bool:
        """True for a node whose value is one tensor of floating numbers."""
        dtype = dtype_of(self.values[index])
        return dtype is not None and dtype.is_floating_point


@dataclass(frozen=True, eq=False)
class _RunUnderWay:
    """A run under way: the values, keys and steps of the nodes so far.

    Nodes with one number, and values with one key, are alike to every rule; None where that cannot be said.
    """

    program: Program
    layout: Layout
    ids: Collection[str]
    numbers: Sequence[int | None]
    values: list[Value]
    keys: list[Hashable]
    steps: list[Transfer | None]
    deciding: dict[int, frozenset[int]]


@dataclass(eq=False)
class Interpreter:
    """Runs programs of one model; what it works out in one layout serves the next."""

    unruled: set[str] = field(default_factory=set)
    special: set[int] = field(default_factory=set)
    _steps: dict[Hashable, Transfer] = field(default_factory=dict)
    _keys: Keys = field(default_factory=Keys)
    _marks: MarkCache = field(default_factory=MarkCache)
    _evaluated: dict[Hashable, Value] = field(default_factory=dict)
    _in_any_layout: dict[Hashable, _Outcome] = field(default_factory=dict)
    _in_this_layout: dict[Hashable, _Outcome] = field(default_factory=dict)

    # -- values ------------------------------------------------------------------------------------------------

    def values(self, program: Program, layout: Layout, ids: Collection[str] = ()) -> Interpretation:
        """Compute every node; `ids` names the inputs that hold tokens. LayoutError where an op refuses the values."""
        self._evaluated, self._in_this_layout = {}, {}  # known values are those of one layout
        self._keys.begin()
        run = _RunUnderWay(program, layout, ids, self._keys.nodes(program), [], [], [], {})
        for node in program.nodes:
            self._add_node(run, node)
        return Interpretation(program, tuple(run.values), tuple(run.steps), run.deciding)

    def _add_node(self, run: _RunUnderWay, node: Node) -> None:
        """Work out one more node, or look it up: of nodes that are alike to every rule only the first is worked out."""
        number, values = run.numbers[node.index], run.values
        operands = None if number is None else tuple([run.keys[ref] for ref in node.refs])
        key = None if operands is None or None in operands else (number, operands)
        outcome = None if key is None else self._in_any_layout.get(key) or self._in_this_layout.get(key)
        if outcome is None:
            if deciding := decides(node, values):
                run.deciding[node.index] = deciding
            value, step = self._node(node, run)
            outcome = (value, step, self._keys.of(value) if is_keyed(value) else None)
            if key is not None:
                (self._in_this_layout if is_known(value) else self._in_any_layout)[key] = outcome
        values.append(outcome[0])
        run.steps.append(outcome[1])
        run.keys.append(outcome[2])

    def _node(self, node: Node, run: _RunUnderWay) -> tuple[Value, Transfer | None]:
        if node.kind is not NodeKind.OP:
            return _starting_value(node, run.program, run.layout, run.ids), None
        if isinstance(node.target, Decision):
            return None, None
        if node.target is operator.getitem:
            return part_of(run.values[node.refs[0]], node), None
        # A comparison with a special id is structure: what it says is a fact of the layout, not of the tokens.
        compared = special_ids(node, run.values)
        self.special.update(compared)
        if compared or takes_only_known(node, run.values):
            return _random_draw(node) if is_undecided(node.operation, node.args, node.kwargs) else self._evaluate(
                node, run.values
            ), None
        return self._with_unknown_operand(node, run.program, run.values)

    def _evaluate(self, node: Node, values: Sequence[Value]) -> Value:
        """A known value; equal layers share it."""
        operand_keys = (
            self._keys.real(v) if isinstance(v := values[r], Unknown) else self._keys.of(v) for r in node.refs
        )
        key = (node.target, self._keys.plain(node), tuple(operand_keys))
        if key not in self._evaluated:
            self._evaluated[key] = evaluate(node, {ref: in_this_layout(values[ref]) for ref in node.refs})
        return self._evaluated[key]

    def _with_unknown_operand(self, node: Node, program: Program, values: list[Value]) -> tuple[Value, Transfer | None]:
        """A node of which some operand is unknown: its step, or its value where only shapes count."""
        # Only the shape counts (zeros_like(h)), unless it is parameters that decide the shape.
        shape_alone_counts = node.op in SHAPE_ONLY or (node.op in LENDERS and is_known(values[node.refs[0]]))
        if shape_alone_counts and not node.selected:
            return evaluate(node, {ref: without_values(values[ref]) for ref in node.refs}), None
        step = self._step(node, program, values)
        outputs: list[Value] = [*with_standins(node, program, values, with_reals(node, values, step.outputs))]
        return (outputs if node.many else outputs[0] if outputs else None), step

    def _step(self, node: Node, program: Program, values: Sequence[Value]) -> Transfer:
        # Two calls have one step where the rule could not tell them apart: the same op and constants, operands of
        # which the same is known. An index counts with its contents, any other unknown with what is certain of it.
        indices = indices_of(node, values)
        operands = tuple(
            (
                self._keys.of(value := values[ref]),
                self._keys.real(value) if ref in indices and isinstance(value, Unknown) else None,
                *program.nodes[ref].selected,
            )
            for ref in node.refs
        )
        key = (node.target, self._keys.plain(node), node.results, repr(operands), *context_of(node, program))
        step = self._steps.get(key)
        if step is None:
            step = self._steps[key] = self._by_rule(node, program, values, indices)
        # What weights alone decide (a norm of one, an orthogonal factor) has no token to let through.
        if not step.narrowed and any(isinstance(o, Unknown) and not o.weights_only for o in step.outputs):
            self.unruled.add(node.op)
        return step

    def _by_rule(self, node: Node, program: Program, values: Sequence[Value], indices: frozenset[int]) -> Transfer:
        """The step by the op's rule. Tokens flow through an index that they decide, though the layout fixes it."""
        # What selects by parameters has flows of its own: its result is as long as it can be, row by row.
        own = selection_step(node, program, values) if node.selected else masked_write_step(node, program, values)
        if own is not None:
            return own
        call = call_of(node, values)
        if (axis := log_softmax_of(node, program)) is not None:
            call = normalising(call, axis)
        step = guard(apply(call), node, program)
        if constant_sum(node, program):
            return without_flows(step)
        if not indices:
            return limit_landing(step, node, program)
        # Twice: once with the index as it is here, for where data go; once as if it could be anything, for what the
        # tokens behind it reach.
        unknown_indices = {ref: value for ref in indices if isinstance(value := values[ref], Unknown)}
        values_here = [
            in_layout(unknown_indices[r]) if r in unknown_indices else value for r, value in enumerate(values)
        ]
        by_known_index = apply(call_of(node, values_here))
        if any(index.real is None for index in unknown_indices.values()):
            return by_standin(node, program, values, indices, by_known_index, step)
        return through_index(by_known_index, step, node, indices)

    # -- passes ------------------------------------------------------------------------------------------------

    def demand(
        self, run: Interpretation, wanted: Mapping[int, Marks] | None = None, *, whole: bool = False
    ) -> list[NodeMarks]:
        """For each node what each of its elements may reach: marks, or None for nowhere.

        The labels are the rows of the logits, or those of the marks that are `wanted` of some nodes; `whole`: what
        decides how the program goes on has a part in these, as it has in the logits.
        """
        program = run.program
        self._marks.begin()
        demand: list[NodeMarks] = [None] * len(program.nodes)
        # Seen from the logits, what decides how the program goes on has a part in all of them.
        whole = whole or wanted is None
        if wanted is None:
            shape = run.shape(program.output)
            wanted = {program.output: diagonal(shape[0], len(shape))}
        for index, marks in wanted.items():
            demand[index] = marks
        labels = next(iter(wanted.values())).shape[-1] if wanted else 0
        # Against the data: when a node's turn comes, all its users have had theirs.
        for node in reversed(program.nodes):
            if whole and node.index in run.deciding:
                self._mark_decisive(demand, run.deciding[node.index], run, labels)
            marked = demand[node.index]
            if marked is None or node.kind is not NodeKind.OP:
                continue
            # What is certain of an element cannot change, so nothing reaches through it, whatever its operands do.
            marked = demand[node.index] = self._drop_certain(marked, run.values[node.index])
            if node.target is operator.getitem and not isinstance(marked, list):
                self._mark_part(demand, node, marked, run.values[node.refs[0]])
            elif (step := run.steps[node.index]) is not None:
                self._pull(node, step, demand)
        return demand

    def _drop_certain(self, marks: Marks | list[Marks | None], value: Value) -> Marks | list[Marks | None]:
        if not isinstance(marks, list):
            return self._marks.drop_certain(marks, value)
        parts = value if isinstance(value, list | tuple) else [value]
        return [None if m is None else self._marks.drop_certain(m, v) for m, v in zip(marks, parts, strict=True)]

    def _mark_part(self, demand: list[NodeMarks], node: Node, marks: Marks, value: Value) -> None:
        """Put the marks of one of several results on the op that made them all."""
        ref, part = node.refs[0], whole_number(node.args[1])
        parts = demand[ref]
        if not isinstance(parts, list):
            count = len(value) if isinstance(value, list | tuple) else 1
            parts = demand[ref] = [None] * count
        parts[part] = self._marks.join(parts[part], marks)

    def _pull(self, node: Node, step: Transfer, demand: list[NodeMarks]) -> None:
        marked = demand[node.index]
        for slot, marks in self._marks.pull(step, marked if isinstance(marked, list) else [marked]):
            ref = node.refs[slot]
            if not isinstance(own := demand[ref], list):
                demand[ref] = self._marks.join(own, marks)

    def influence(self, run: Interpretation, sources: Mapping[int, Marks]) -> list[NodeMarks]:
        """For each node the labels that may reach each of its elements, from marks on some nodes to begin with."""
        program = run.program
        self._marks.begin()
        reached: list[NodeMarks] = [None] * len(program.nodes)
        decisive: Marks | None = None  # what a decision took: it reaches all that comes after
        for node in program.nodes:
            # A value that Python took decides which ops come next, and so has a part in the logits.
            for ref in run.deciding.get(node.index, ()):
                if (marks := single_marks(reached[ref])) is not None:
                    decisive = join(decisive, _labels(where(marks, self._may_vary(run.values[ref]))))
            operands = [reached[ref] for ref in node.refs]
            if node.index in sources:
                reached[node.index] = sources[node.index]
            elif node.target is operator.getitem and isinstance(parts := operands[0], list):
                reached[node.index] = parts[whole_number(node.args[1])]
            elif (step := run.steps[node.index]) is not None and any(marks is not None for marks in operands):
                results = self._marks.push(step, [single_marks(marks) for marks in operands])
                reached[node.index] = results if node.many else results[0]
        if decisive is not None:
            everywhere = decisive.reshape((1,) * len(run.shape(program.output)) + (-1,))
            reached[program.output] = join(single_marks(reached[program.output]), everywhere)
        return reached

    def _mark_decisive(self, demand: list[NodeMarks], refs: Collection[int], run: Interpretation, labels: int) -> None:
        """Mark what Python took out of a tensor: it decides how the program goes on, and so may reach everything."""
        for ref in refs:
            everywhere = np.ones((1,) * len(run.shape(ref)) + (labels,), dtype=bool)
            demand[ref] = join(single_marks(demand[ref]), where(everywhere, self._may_vary(run.values[ref])))

    def _may_vary(self, value: Value) -> Marks:
        """The elements that may have another value in this layout; a special id may not."""
        if isinstance(value, Unknown) and value.ids and value.real is not None and self.special:
            special = torch.tensor(sorted(self.special), dtype=value.real.dtype)
            return (~torch.isin(value.real, special)).numpy()
        return np.ones((1,) * len(shape_of_value(value)), dtype=bool)


def _labels(marks: Marks) -> Marks:
    """The labels that stand on any element."""
    return np.asarray(marks.any(axis=tuple(range(marks.ndim - 1))))


def part_of(value: Value, node: Node) -> Value:
    """The result that a node picks out of those of an op."""
    assert isinstance(value, list | tuple)
    return value[whole_number(node.args[1])]


def _random_draw(node: Node) -> Value:
    """A random draw is no one value, and no token reaches it."""
    drawn: list[Value] = [unknown(shape, dtype, weights_only=True) for shape, dtype in node.results or ()]
    return drawn if node.many else drawn[0]


def _starting_value(node: Node, program: Program, layout: Layout, ids: Collection[str]) -> Value:
    if node.kind is NodeKind.INPUT:
        value = layout[node.tensor_name]
        if node.tensor_name in ids and not value.is_floating_point():
            return Unknown(tuple(value.shape), value.dtype, free(value.ndim), real=value, ids=True, scale=OF_IDS)
        return unknown(tuple(value.shape), value.dtype) if value.is_floating_point() else value
    known = program.values.get(node.tensor_name) if node.kind is NodeKind.BUFFER else None
    if known is not None:
        return known
    assert node.results is not None
    shape, dtype = node.results[0]
    return unknown(shape, dtype, weights_only=True)
