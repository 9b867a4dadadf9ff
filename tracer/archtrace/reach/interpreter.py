"""Interpret a program in one layout: what every value is, what reaches it, and what of it reaches the logits.

Three passes over one list of nodes. `values` (forward) computes known values, and for unknown ones what is certain and
how the operands flow in. `influence` (forward) and `demand` (backward) carry marks along these flows; they are
transposes of each other. Steps and passes are remembered by the structure of what goes in, so that the hundredth
layer of a model costs a lookup.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch

from archtrace.capture.program import Kind, Node, Program, Ref, substitute
from archtrace.reach.carriers import LENDERS, carrier_nodes, embeds
from archtrace.reach.flows import Flow
from archtrace.reach.known import blank, evaluate, is_known, shape_alone, undecided
from archtrace.reach.marks import Marks, diagonal, join, shrink
from archtrace.reach.rules import registry
from archtrace.reach.rules.registry import RULES, Call, Operand, Spec, Step, bind, leaves, rebuild
from archtrace.reach.rules.transforms import SHAPE_ONLY
from archtrace.reach.values import Unknown, free, is_open, unknown

Layout: TypeAlias = Mapping[str, torch.Tensor]
#: A node's value: plain, unknown, or a sequence of these.
Value: TypeAlias = Any


@dataclass(frozen=True, eq=False)
class Run:
    """A program's values in one layout, and the step behind each unknown one."""

    program: Program
    values: tuple[Value, ...]
    steps: tuple[Step | None, ...]
    keys: tuple[Any, ...]

    def shape(self, index: int) -> tuple[int, ...]:
        """The shape of a node's value."""
        return tuple(self.values[index].shape)


@dataclass(eq=False)
class Interpreter:
    """Runs programs of one model; keeps what it learned from one layout for the next."""

    unruled: set[str] = field(default_factory=set)
    _steps: dict[Any, Step] = field(default_factory=dict)
    _keys: dict[Any, int] = field(default_factory=dict)
    _passes: dict[Any, Marks] = field(default_factory=dict)
    _kept: list[Any] = field(default_factory=list)

    # -- values ------------------------------------------------------------------------------------------------

    def values(self, program: Program, layout: Layout) -> Run:
        """Compute every node. Raises LayoutError where the model itself refuses these inputs."""
        carriers = carrier_nodes(program)
        values: list[Value] = []
        keys: list[Any] = []
        steps: list[Step | None] = []
        for node in program.nodes:
            value, step = self._node(node, program, layout, values, keys, carriers)
            values.append(value)
            keys.append(self._key(value))
            steps.append(step)
        return Run(program, tuple(values), tuple(steps), tuple(keys))

    def _node(
        self,
        node: Node,
        program: Program,
        layout: Layout,
        values: list[Value],
        keys: list[Any],
        carriers: frozenset[int],
    ) -> tuple[Value, Step | None]:
        if node.kind is not Kind.OP:
            return _given(node, program, layout), None
        if node.target is operator.getitem:
            return values[node.refs[0]][node.args[1]], None
        if all(is_known(values[ref]) for ref in node.refs) and not embeds(node, carriers):
            return evaluate(node, values), None
        if node.op in SHAPE_ONLY or (node.op in LENDERS and is_known(values[node.refs[0]])):
            return evaluate(node, {ref: shape_alone(values[ref]) for ref in node.refs}), None
        step = self._step(node, values, keys, carriers)
        if not step.outputs and not node.many:
            undecided(node, program)
            return None, None
        return (step.outputs if node.many else step.outputs[0]), step

    def _step(self, node: Node, values: Sequence[Value], keys: Sequence[Any], carriers: frozenset[int]) -> Step:
        ids = carriers if node.index in carriers or embeds(node, carriers) else frozenset()
        operands = tuple((keys[ref], ref in ids) for ref in node.refs)
        key = (node.target, _plain((node.args, node.kwargs)), node.results, operands)
        step = self._steps.get(key)
        if step is None:
            call = call_of(node, values, ids)
            step = self._steps[key] = RULES.get(node.op, registry.unruled)(call)
        if not step.narrowed:
            self.unruled.add(node.op)
        return step

    def _key(self, value: Value) -> Any:
        if isinstance(value, Unknown):
            facts = value.certain
            return self._intern(("?", value.shape, value.dtype, value.weights_only, facts.shape, facts.tobytes()))
        if isinstance(value, torch.Tensor):
            return self._intern((tuple(value.shape), value.dtype, _contents(value)))
        if isinstance(value, list | tuple):
            return tuple(self._key(v) for v in value)
        return self._intern((type(value), value)) if isinstance(value, int | float | bool | str | None) else id(value)

    def _intern(self, key: Any) -> int:
        return self._keys.setdefault(key, len(self._keys))

    # -- passes ------------------------------------------------------------------------------------------------

    def demand(self, run: Run, wanted: Mapping[int, Marks] | None = None) -> list[Any]:
        """For each node what each of its elements may reach: marks, or None for nowhere.

        The labels are the rows of the logits, or those of the marks that are `wanted` of some nodes.
        """
        program = run.program
        found: list[Any] = [None] * len(program.nodes)
        if wanted is None:
            logits = run.values[program.output]
            wanted = {program.output: diagonal(logits.shape[0], len(logits.shape))}
        for index, marks in wanted.items():
            found[index] = marks
        carriers = carrier_nodes(program)
        for node in reversed(program.nodes):
            if found[node.index] is None or node.kind is not Kind.OP:
                continue
            found[node.index] = changing(found[node.index], run.values[node.index])
            if node.target is operator.getitem:
                _into(found, node.refs[0], node.args[1], found[node.index], len(run.values[node.refs[0]]))
                continue
            step = run.steps[node.index] or self._carried(node, run, carriers)
            if step is not None:
                self._pull(node, step, found)
        return found

    def _pull(self, node: Node, step: Step, found: list[Any]) -> None:
        parts = found[node.index] if isinstance(found[node.index], list) else [found[node.index]]
        for marks, flows in zip(parts, step.flows, strict=False):
            if marks is None:
                continue
            key = self._intern((marks.shape, marks.tobytes()))
            for slot, flow in flows:
                ref = node.refs[slot]
                pulled = self._pass(flow, "pull", key, marks)
                found[ref] = join(found[ref], pulled) if not isinstance(found[ref], list) else found[ref]

    def influence(self, run: Run, sources: Mapping[int, Marks]) -> list[Any]:
        """For each node the labels that may reach each of its elements, from marks on some nodes to begin with."""
        program = run.program
        carriers = carrier_nodes(program)
        found: list[Any] = [None] * len(program.nodes)
        for node in program.nodes:
            if node.index in sources:
                found[node.index] = sources[node.index]
            elif node.target is operator.getitem and found[node.refs[0]] is not None:
                found[node.index] = found[node.refs[0]][node.args[1]]
            elif node.kind is Kind.OP and any(found[r] is not None for r in node.refs):
                step = run.steps[node.index] or self._carried(node, run, carriers)
                if step is not None:
                    found[node.index] = self._push(node, step, found)
        return found

    def _push(self, node: Node, step: Step, found: list[Any]) -> Any:
        results: list[Marks | None] = []
        for flows in step.flows:
            marks: Marks | None = None
            for slot, flow in flows:
                source = found[node.refs[slot]]
                if source is not None:
                    key = self._intern((source.shape, source.tobytes()))
                    marks = join(marks, self._pass(flow, "push", key, source))
            results.append(marks)
        return results if node.many else results[0]

    def _pass(self, flow: Flow, way: str, key: int, marks: Marks) -> Marks:
        memory = (id(flow), way, key)
        result = self._passes.get(memory)
        if result is None:
            result = self._passes[memory] = flow.push(marks) if way == "push" else flow.pull(marks)
            self._kept.append(flow)
        return result

    def _carried(self, node: Node, run: Run, carriers: frozenset[int]) -> Step | None:
        """The step of a known integer that still tells which token it stands for."""
        if node.index not in carriers:
            return None
        return self._step(node, run.values, run.keys, carriers)


def _contents(value: torch.Tensor) -> Any:
    """What tells known tensors of one shape and type apart; a constant one is its constant."""
    if not value.numel():
        return None
    first = value[(0,) * value.ndim]
    if not any(value.stride()) or bool((value == first).all()):
        return first.item()
    return value.contiguous().flatten().view(torch.uint8).numpy().tobytes()


def changing(marks: Any, value: Value) -> Any:
    """Marks without those on elements whose value is certain: what cannot change reaches nothing."""
    if isinstance(marks, list):
        return [None if m is None else changing(m, v) for m, v in zip(marks, value, strict=True)]
    if not isinstance(value, Unknown) or value.free:
        return marks
    return shrink(marks & is_open(value.certain)[..., None], len(value.shape))


def _into(found: list[Any], ref: int, part: int, marks: Marks, count: int) -> None:
    if found[ref] is None:
        found[ref] = [None] * count
    found[ref][part] = join(found[ref][part], marks)


def call_of(node: Node, values: Sequence[Value], ids: frozenset[int]) -> Call:
    """A node as a rule sees it: unknown values and those of `ids` are operands, the rest is plain."""
    slots = iter(range(len(node.refs)))

    def operand(ref: int) -> Any:
        slot = next(slots)
        value = values[ref]
        if isinstance(value, Unknown):
            return Operand(slot, value)
        if ref in ids and isinstance(value, torch.Tensor):
            return Operand(slot, Unknown(tuple(value.shape), value.dtype, free(value.ndim)))
        return value

    args = tuple(substitute(a, operand) for a in node.args)
    kwargs = {k: substitute(v, operand) for k, v in node.kwargs.items()}
    bound = bind(node.target, args, kwargs)
    return Call(node.target, node.op, bound, _result_specs(node, bound))


def _result_specs(node: Node, bound: dict[str, Any]) -> tuple[Spec, ...]:
    if node.results is not None:
        return tuple(Spec(*spec) for spec in node.results)
    shapes = rebuild(bound, lambda v: blank(v.value) if isinstance(v, Operand) else blank(v))
    result = registry.invoke(node.target, shapes)
    return tuple(Spec(tuple(t.shape), t.dtype) for t in leaves(result) if isinstance(t, torch.Tensor))


def _plain(value: Any) -> Any:
    """Arguments as a key: references alike, constants by how they print."""
    if isinstance(value, Ref):
        return Ref
    if isinstance(value, dict):
        return tuple((k, _plain(v)) for k, v in value.items())
    if isinstance(value, list | tuple):
        return tuple(_plain(v) for v in value)
    return repr(value)


def _given(node: Node, program: Program, layout: Layout) -> Value:
    if node.kind is Kind.INPUT:
        value = layout[node.target]
        return unknown(tuple(value.shape), value.dtype) if value.is_floating_point() else value
    known = program.values.get(node.target) if node.kind is Kind.BUFFER else None
    if known is not None:
        return known
    assert node.results is not None
    shape, dtype = node.results[0]
    return unknown(shape, dtype, weights_only=True)
