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

from archtrace.errors import LayoutError
from archtrace.flows import Flow
from archtrace.marks import Marks, diagonal, join, shrink
from archtrace.program import Kind, Node, Program, Ref, substitute
from archtrace.rules import registry
from archtrace.rules.registry import RULES, Call, Operand, Spec, Step, bind, leaves, rebuild
from archtrace.rules.transforms import SHAPE_ONLY
from archtrace.values import Unknown, free, is_open, unknown

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
        if all(_is_known(values[ref]) for ref in node.refs) and not _embeds(node, carriers):
            return _evaluate(node, values), None
        if node.op in SHAPE_ONLY or (node.op in LENDERS and _is_known(values[node.refs[0]])):
            return _evaluate(node, {ref: _empty(values[ref]) for ref in node.refs}), None
        step = self._step(node, values, keys, carriers)
        if not step.outputs and not node.many:
            return _undecided(node, program), None
        return (step.outputs if node.many else step.outputs[0]), step

    def _step(self, node: Node, values: Sequence[Value], keys: Sequence[Any], carriers: frozenset[int]) -> Step:
        ids = carriers if node.index in carriers or _embeds(node, carriers) else frozenset()
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


#: Ops whose result holds anything until it is written: zeros without memory here, so that runs are alike.
UNINITIALISED = frozenset(
    f"aten::{n}" for n in ("empty", "empty_like", "new_empty", "empty_strided", "new_empty_strided")
)

#: Ops that ask for strides which a value without memory may not have, and their twins that do not.
STRIDELESS = {torch.ops.aten.view.default: torch.ops.aten.reshape.default}

#: Ops whose second argument lends its shape or type alone.
LENDERS = frozenset({"aten::type_as", "aten::expand_as", "aten::view_as", "aten::reshape_as", "aten::to"})


def _contents(value: torch.Tensor) -> Any:
    """What tells known tensors of one shape and type apart; a constant one is its constant."""
    if not value.numel():
        return None
    first = value[(0,) * value.ndim]
    if not any(value.stride()) or bool((value == first).all()):
        return first.item()
    return value.contiguous().flatten().view(torch.uint8).numpy().tobytes()


def _undecided(node: Node, program: Program) -> None:
    """An op without a result (a check) says nothing; a plain number taken from unknown values decides sizes."""
    if program.users[node.index]:
        raise LayoutError(
            f"{node.op} in {node.module or 'the model'} takes a number from values that parameters decide"
        )


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


def carrier_nodes(program: Program) -> frozenset[int]:
    """Nodes whose integers may still tell which token they stand for: ids, and what is computed from them.

    A comparison does not: where padding is, and where eos is, are facts of the layout. Nor does a mask.
    """
    found: set[int] = set()
    for node in program.nodes:
        integer = node.results is not None and any(_counts(dtype) for _, dtype in node.results)
        if node.kind is Kind.INPUT:
            carries = integer and "mask" not in node.target
        else:
            given = node.refs[:1] if node.op in LENDERS else node.refs
            carries = integer and node.op not in SHAPE_ONLY and any(ref in found for ref in given)
        if carries:
            found.add(node.index)
    return frozenset(found)


def _counts(dtype: torch.dtype) -> bool:
    return not dtype.is_floating_point and not dtype.is_complex and dtype != torch.bool


def _embeds(node: Node, carriers: frozenset[int]) -> bool:
    """True where ids become features: looked up in a table, or turned into floating point."""
    if not any(ref in carriers for ref in node.refs):
        return False
    floats = node.results is not None and any(dtype.is_floating_point for _, dtype in node.results)
    return node.op == "aten::embedding" or (floats and node.op not in SHAPE_ONLY)


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
    shapes = rebuild(bound, lambda v: _meta(v.value) if isinstance(v, Operand) else _meta(v))
    result = registry.invoke(node.target, shapes)
    return tuple(Spec(tuple(t.shape), t.dtype) for t in leaves(result) if isinstance(t, torch.Tensor))


def _meta(value: Any) -> Any:
    """A tensor of the value's shape that has no memory to speak of."""
    if isinstance(value, Unknown):
        return torch.zeros((), dtype=value.dtype).expand(value.shape)
    return value


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


def _is_known(value: Value) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_known, value))
    return not isinstance(value, Unknown)


def _empty(value: Value) -> Value:
    return _meta(value) if isinstance(value, Unknown) else value


def _evaluate(node: Node, values: Sequence[Value] | Mapping[int, Value]) -> Value:
    """Run an op on known values, on the CPU whatever device the graph names."""
    args = [substitute(a, values.__getitem__) for a in node.args]
    kwargs = {k: substitute(v, values.__getitem__) for k, v in node.kwargs.items()}
    try:
        value = STRIDELESS.get(node.target, node.target)(*args, **kwargs)
        return value.new_zeros(()).expand(value.shape) if node.op in UNINITIALISED else value
    except Exception as error:
        reason = str(error).strip().split("\n", 1)[0]
        raise LayoutError(f"{node.op} in {node.module or 'the model'} refuses these inputs: {reason}") from error
