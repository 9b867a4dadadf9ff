"""The replay: a program with drawn parameters must give the output that the model itself gives with them.

Both run in the model's own types: what is compared is the program, not the rounding. Random ops draw the same numbers
on both sides, because both begin from one seed and draw in one order.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias, cast

import torch

from archtrace.capture.decisions import Decision
from archtrace.capture.higher import without_compile
from archtrace.capture.inputs.signature import arrange_arguments
from archtrace.capture.outputs import named_outputs, output_of
from archtrace.capture.preserve import restored
from archtrace.capture.program import Node, NodeKind, Operation, Program
from archtrace.capture.quiet import quiet
from archtrace.capture.random_parameters import random_parameters
from archtrace.reach.interpreter import part_of
from archtrace.reach.values import Value, known_tensor
from archtrace.witness.failure import RunError

#: Rounding errors that may add up, in units of the type's eps, and at most as a part of the largest value.
ROUNDINGS, PART = 1e3, 5e-2

Inputs: TypeAlias = Mapping[str, torch.Tensor]
#: A module, and the options that its forward is called with.
Model: TypeAlias = tuple[torch.nn.Module, dict[str, Any]]

#: `contiguous` leaves no step where the recorded run had nothing to copy. Kernels choose the order of their results in
#: memory by type and machine, so another run may have to: what `view` refuses is then what `reshape` copies.
SHAPED: Mapping[object, Operation] = {torch.ops.aten.view.default: torch.ops.aten.reshape.default}


def difference(program: Program, model: Model, inputs: Inputs) -> str | None:
    """None where the program gives the model's output; else where they part: a module, or the output."""
    module, options = model
    with restored(module), random_parameters(module) as named, torch.no_grad(), quiet(), without_compile():
        with seeded():
            values = _replayed(program, inputs, named)
        with seeded():
            args, keywords = arrange_arguments(module.forward, {**_copies(inputs), **options})
            output = output_of(module(*args, **keywords), program.output_name)
        if alike(known_tensor(values[program.output]), output):
            return None
        with seeded():
            return _first(program, values, module, {**_copies(inputs), **options}) or "the output"


def outputs(model: Model, batches: Sequence[Inputs], asked: str) -> list[torch.Tensor]:
    """What a model gives for several inputs with the same drawn parameters; raises whatever the model raises."""
    module, options = model
    given: list[torch.Tensor] = []
    with restored(module), random_parameters(module), torch.no_grad(), quiet(), without_compile():
        for inputs in batches:
            with seeded():
                args, keywords = arrange_arguments(module.forward, {**_copies(inputs), **options})
                given.append(output_of(module(*args, **keywords), asked))
    return given


@contextmanager
def seeded() -> Iterator[None]:
    """For a while random ops draw the same numbers each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def _copies(inputs: Inputs) -> dict[str, torch.Tensor]:
    """A forward may write into its inputs."""
    return {name: value.clone() for name, value in inputs.items()}


def _replayed(program: Program, inputs: Inputs, named: Callable[[str], torch.Tensor | None]) -> dict[int, Value]:
    values: dict[int, Value] = {}
    for node in program.nodes:
        values[node.index] = _value(node, program, inputs, named, values)
    return values


def _value(
    node: Node, program: Program, inputs: Inputs, named: Callable[[str], torch.Tensor | None], values: dict[int, Value]
) -> Value:
    if node.kind is NodeKind.INPUT:
        return inputs[node.tensor_name]
    if node.kind is not NodeKind.OP:
        value = program.values.get(node.tensor_name)
        return value if value is not None else named(node.tensor_name)
    if isinstance(node.target, Decision):
        return None
    if node.target is operator.getitem:
        return part_of(values[node.refs[0]], node)
    args, kwargs = node.arguments_with(values.__getitem__)
    op = SHAPED.get(node.target, node.operation)
    try:
        return cast(Value, op(*args, **kwargs))
    except Exception as error:
        raise RunError(node, error) from error


def alike(left: torch.Tensor, right: torch.Tensor) -> bool:
    """Equal but for rounding in their type; what is no number on one side is none on the other."""
    if left.shape != right.shape or left.dtype != right.dtype:
        return False
    if not left.dtype.is_floating_point:
        return bool(torch.equal(left, right))
    # Minus infinity in masked scores is equal to itself, and no measure of the rest.
    finite = right[torch.isfinite(right)].abs()
    scale = max(1.0, float(finite.amax())) if finite.numel() else 1.0
    close = min(ROUNDINGS * torch.finfo(right.dtype).eps, PART) * scale
    return torch.allclose(left.double(), right.double(), rtol=0.0, atol=close, equal_nan=True)


def _first(program: Program, values: Mapping[int, Value], module: torch.nn.Module, arguments: dict[str, Any]) -> str:
    """The first module, in the order in which they finish, whose output is not the program's; empty if none is."""
    apart: list[str] = []
    calls: dict[str, int] = {}

    def hear(path: str) -> Callable[..., None]:
        def compare(_module: torch.nn.Module, _args: object, output: object) -> None:
            for name, tensor in named_outputs(path, output):
                call = calls[name] = calls.get(name, -1) + 1
                nodes = program.tensors.get(name, ())
                if call < len(nodes) and not alike(known_tensor(values[nodes[call]]), tensor):
                    apart.append(path)

        return compare

    handles = [part.register_forward_hook(hear(path)) for path, part in module.named_modules() if path]
    try:
        args, keywords = arrange_arguments(module.forward, arguments)
        module(*args, **keywords)
    finally:
        for handle in handles:
            handle.remove()
    return apart[0] if apart else ""
