"""Run a program numerically, with random parameters, and see by gradients what reaches the logits.

Everything runs in float64, whatever types the graph names, so that what cancels exactly leaves only rounding noise, far
below the threshold. Gradients come first; finite changes try what gradients cannot show (sparse maxima, rounding,
hashing, saturation). A position counts once any draw of the parameters shows it.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias, cast

import numpy as np
import torch

from archtrace.capture.decisions import Decision
from archtrace.capture.execute import draws
from archtrace.capture.nested import mapped, mapped_arguments
from archtrace.capture.program import Node, NodeKind, Operation, Program
from archtrace.ops import SINGLE
from archtrace.reach.interpreter import part_of
from archtrace.reach.marks import Marks
from archtrace.reach.values import Value, known_tensor
from archtrace.witness.failure import RunError
from archtrace.witness.replay import SHAPED

#: A change below this part of the largest one is rounding noise (float64 rounds at 2e-16).
NOISE = 1e-10
#: A gradient is rounding noise if, for a change as large as the value itself, it moves the logits by less than this
#: part of their size: where nothing reaches the logits, the largest gradient is noise as well.
FLOOR = 1e-13
_WIDER_DTYPE = {
    torch.float16: torch.float64,
    torch.bfloat16: torch.float64,
    torch.float32: torch.float64,
    torch.complex64: torch.complex128,
}

#: The values of a run: for each node a tensor, or a sequence of them.
Values: TypeAlias = dict[int, Value]
#: From a node's value to the one that takes its place.
Replacement: TypeAlias = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Draw:
    """One draw of all parameters, by seed and gain, and of what the forward itself draws at random, by `noise`."""

    seed: int
    gain: float
    noise: int = 0


#: Draws of the parameters. Small gains keep activations off their flat parts.
DRAWS = (Draw(0, 1.0), Draw(1, 0.5), Draw(2, 2.0))


def parameters(program: Program, draw: Draw) -> Values:
    """Random values for each parameter, and for each buffer without values.

    Matrices N(0, gain^2 / fan_in), vectors around 1: no head is zero, no norm switched off.
    """
    generator = torch.Generator().manual_seed(draw.seed)
    values: Values = {}
    for node in program.nodes:
        if node.kind is NodeKind.PARAMETER or (node.kind is NodeKind.BUFFER and node.target not in program.values):
            assert node.results is not None
            shape, dtype = node.results[0]
            values[node.index] = _random(shape, dtype, draw.gain, generator)
        elif node.kind is NodeKind.BUFFER:
            values[node.index] = _wide(program.values[node.tensor_name])
    return values


def _random(shape: tuple[int, ...], dtype: torch.dtype, gain: float, generator: torch.Generator) -> torch.Tensor:
    if not dtype.is_floating_point:
        # An integer parameter counts something; zero is in every range.
        return torch.zeros(shape, dtype=dtype)
    noise = torch.randn(shape, generator=generator, dtype=torch.float64)
    if len(shape) < 2:
        return (1 + 0.3 * noise).abs()  # of thousands of numbers, none may be a negative variance
    fan_in = math.prod(shape[1:]) if len(shape) > 3 else shape[-1]  # kernels of images have their inputs on three axes
    return noise * gain / math.sqrt(max(fan_in, 1))


def _wide(value: torch.Tensor) -> torch.Tensor:
    return value.to(_WIDER_DTYPE[value.dtype]) if value.dtype in _WIDER_DTYPE else value


@contextmanager
def one_thread() -> Iterator[None]:
    """Small tensors on several threads cost more waiting than work, much more on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _double() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def run(
    program: Program,
    parameters: Values,
    layout: Mapping[str, torch.Tensor],
    change: Mapping[int, Replacement],
    noise: int = 0,
    keep: Collection[int] | None = None,
) -> Values:
    """The values of a program; `change` replaces the value of a node as soon as it is computed.

    All values, or those of the nodes to `keep`: then the scores of a long window are freed as soon as no op needs them.
    Random ops draw the same in every run with one `noise`, so two runs differ only by what was changed.
    """
    values = dict(parameters)
    with _double(), torch.random.fork_rng(devices=[]):
        # torch.manual_seed would seed every device, and record the whole stack each time.
        torch.default_generator.manual_seed(noise)
        for node in program.nodes:
            if node.kind is NodeKind.INPUT:
                values[node.index] = _wide(layout[node.tensor_name])
            elif node.kind is NodeKind.OP:
                values[node.index] = _run_node(node, program, values)
            if node.index in change:
                values[node.index] = change[node.index](known_tensor(values[node.index]))
            if keep is not None:
                for index in program.ending[node.index]:
                    if index not in keep:
                        del values[index]
    return values


def _copied(target: torch.Tensor, source: torch.Tensor, non_blocking: bool = False) -> torch.Tensor:
    return source.to(target.dtype).expand_as(target).clone()


def _distinct(value: torch.Tensor, *options: bool) -> Value:
    """Without a gradient, for which torch would raise: finite changes show distinct values."""
    op: Operation = torch.ops.aten._unique2.default
    return cast(Value, op(value.detach(), *options))


#: What is called in place of an op that has no derivative: the same, computed by ops that have one.
INSTEAD: Mapping[object, Operation] = {
    **SHAPED,
    torch.ops.aten.copy.default: _copied,
    torch.ops.aten._unique2.default: _distinct,
}


_VIEW_AS_DTYPE: Operation = torch.ops.aten.view.dtype


def _run_node(node: Node, program: Program, values: Values) -> Value:
    try:
        return _reinterpreted(node, program, values) if node.target is _VIEW_AS_DTYPE else _call(node, values)
    except Exception as error:
        raise RunError(node, error) from error


def _reinterpreted(node: Node, program: Program, values: Values) -> Value:
    """The bits of a value as another type; first in the model's own type, not in the wider one of the run."""
    (_, dtype), *_ = program.nodes[node.refs[0]].results or ()
    bits = known_tensor(values[node.refs[0]]).detach().to(dtype).contiguous()
    other = node.argument(1)
    assert isinstance(other, torch.dtype)
    return _wide(bits.view(other))


def _call(node: Node, values: Values) -> Value:
    target = node.operation
    if target is operator.getitem:
        return part_of(values[node.refs[0]], node)
    if isinstance(target, Decision):
        return None
    positional, named = node.arguments_with(values.__getitem__)
    args, kwargs = [_widen(v) for v in positional], {k: _widen(v) for k, v in named.items()}
    op = INSTEAD.get(target, target)
    return _in_single_precision(op, args, kwargs) if node.op in SINGLE else cast(Value, op(*args, **kwargs))


def _in_single_precision(op: Operation, args: list[Value], kwargs: dict[str, Value]) -> Value:
    """The result, widened again, of an op that has no kernel for double precision, and no derivative."""
    positional, named = mapped_arguments(tuple(args), dict[str, object](kwargs), _narrow)
    return cast(Value, mapped(op(*positional, **named), lambda v: _wide(v) if isinstance(v, torch.Tensor) else v))


def _narrow(value: object) -> object:
    return value.detach().float() if isinstance(value, torch.Tensor) and value.dtype is torch.float64 else value


def _widen(value: Value) -> Value:
    if isinstance(value, list):
        return [_widen(v) for v in value]
    return _WIDER_DTYPE.get(value, value) if isinstance(value, torch.dtype) else value


def gradients(
    program: Program,
    parameters: Values,
    layout: Mapping[str, torch.Tensor],
    watch: Sequence[int],
    draw: Draw,
    *,
    apart: bool,
    rows: Sequence[slice] = (),
) -> dict[int, Marks]:
    """For each watched node, which rows of the logits have a non-zero gradient at which elements.

    Marks of shape (*shape, rows). `apart`: no gradient flows from one watched node to another. `rows`: groups of rows,
    each of which gets one mark; without any, each row is a group.
    """
    with torch.enable_grad():
        change: Mapping[int, Replacement] = dict.fromkeys(watch, _leaf) if apart else _leaves(program, watch)
        values = run(program, parameters, layout, change, draw.noise, {*watch, program.output})
        logits = known_tensor(values[program.output])
        weights = torch.randn(logits.shape, generator=torch.Generator().manual_seed(draw.seed), dtype=torch.float64)
        groups = rows or [slice(row, row + 1) for row in range(logits.shape[0])]
        sums = [(logits[group] * weights[group]).sum() for group in groups]
        tensors = [known_tensor(values[w]) for w in watch]
        return dict(zip(watch, _by_row(sums, tensors, _size(logits)), strict=True))


def _leaves(program: Program, watch: Sequence[int]) -> dict[int, Replacement]:
    """Leaves for watched nodes; a look-up that is made twice is one leaf, since its two ways may cancel each other."""
    leaves: dict[Hashable, Replacement] = {}
    by_node: dict[int, Replacement] = {}
    for index in watch:
        node = program.nodes[index]
        is_unique = node.kind is not NodeKind.OP or draws(node.operation, node.args, node.kwargs)
        key: Hashable = index if is_unique else (node.target, repr(node.args), repr(node.kwargs))
        by_node[index] = leaves.setdefault(key, _Leaf())
    return by_node


class _Leaf:
    """Replaces the values of several nodes, which are equal, by one leaf."""

    def __init__(self) -> None:
        self._leaf: torch.Tensor | None = None

    def __call__(self, value: torch.Tensor) -> torch.Tensor:
        if self._leaf is None:
            self._leaf = _tracked(value)
        return self._leaf


def _tracked(value: torch.Tensor) -> torch.Tensor:
    return value if value.requires_grad else _leaf(value)


def _leaf(value: torch.Tensor) -> torch.Tensor:
    """The value as a leaf of the gradient; integers have none, and only finite changes show them."""
    return value.detach().requires_grad_() if value.is_floating_point() else value


def _size(value: torch.Tensor) -> float:
    """The largest finite magnitude; never zero, since it divides."""
    size = value.detach().abs()
    size = size[torch.isfinite(size)]
    return max(float(size.amax()), 1e-30) if size.numel() else 1.0


def _by_row(rows: list[torch.Tensor], tensors: list[torch.Tensor], logits: float) -> list[Marks]:
    shown: list[list[Marks]] = [[] for _ in tensors]
    for row in rows:
        slopes = _slopes(row, tensors)
        # One tensor may hold nothing but noise, so the threshold comes from all of them.
        floor = max(FLOOR * logits, NOISE * max([0.0, *map(_effect, slopes, tensors)]))
        for marks, slope, tensor in zip(shown, slopes, tensors, strict=True):
            marks.append(_significant(torch.zeros_like(tensor) if slope is None else slope, floor / _size(tensor)))
    return [np.stack(marks, axis=-1) for marks in shown]


def _slopes(row: torch.Tensor, tensors: list[torch.Tensor]) -> list[torch.Tensor | None]:
    """The gradients of a number; None for a tensor without a gradient, or without a part in the number."""
    smooth = [tensor for tensor in tensors if tensor.requires_grad]
    has_gradients = row.requires_grad and smooth
    gradients = iter(torch.autograd.grad(row, smooth, retain_graph=True, allow_unused=True) if has_gradients else ())
    return [next(gradients, None) if tensor.requires_grad else None for tensor in tensors]


def _effect(slope: torch.Tensor | None, tensor: torch.Tensor) -> float:
    """The largest change of the number when an element changes by its own size."""
    if slope is None:
        return 0.0
    size = (slope * tensor).detach().abs()
    size = size[torch.isfinite(size)]
    return float(size.max()) if size.numel() else 0.0


def _significant(gradient: torch.Tensor, floor: float) -> Marks:
    size = gradient.detach().abs()
    size = torch.where(torch.isfinite(size), size, torch.zeros_like(size))
    top = float(size.max()) if size.numel() else 0.0
    shown: Marks = (size > max(top * NOISE, floor)).numpy()
    return shown
