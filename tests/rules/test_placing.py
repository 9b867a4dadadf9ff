"""Views and placings of tensors of which something is certain, against the op itself run on numbers and on facts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_oracle import matrix

from archtrace.capture.memory import Geometry, ViewOf, WriteInto
from archtrace.reach.flows import Take
from archtrace.reach.rules.registry import Call, Operand, Spec, Transfer, apply, bind
from archtrace.reach.values import Unknown, unknown

aten = torch.ops.aten
Shape = tuple[int, ...]
#: What is asked of an op: the op, its arguments around the given tensors, and their shapes.
Asked = tuple[Any, Callable[..., tuple[Any, ...]], tuple[Shape, ...]]

SCORES = Geometry((4, 2, 3, 5), (30, 15, 5, 1), 0)  # heads and rows, chunks, positions in them, window
BY_POSITION = Geometry((2, 6, 2, 5), (60, 5, 30, 1), 0)  # the same as rows, positions, heads, window
CASES: dict[str, Asked] = {
    "slice": (aten.slice.Tensor, lambda x: (x, 1, 1, 5, 2), ((2, 6, 3),)),
    "select": (aten.select.int, lambda x: (x, 1, 2), ((2, 6, 3),)),
    "transpose": (aten.transpose.int, lambda x: (x, 0, 2), ((2, 6, 3),)),
    "expand": (aten.expand.default, lambda x: (x, [4, 2, 3]), ((2, 1),)),
    "view that merges": (aten.view.default, lambda x: (x, [12, 3]), ((2, 6, 3),)),
    "view across": (aten.view.default, lambda x: (x, [9, 4]), ((2, 6, 3),)),
    "windows": (aten.as_strided.default, lambda x: (x, [2, 2, 4, 3], [18, 6, 3, 1]), ((2, 6, 3),)),
    "a view of the diagonal": (aten.diagonal.default, lambda x: (x, 0, 0, 1), ((3, 3, 2),)),
    "unfold": (aten.unfold.default, lambda x: (x, 1, 3, 2), ((2, 7),)),
    "unbind": (aten.unbind.int, lambda x: (x, 1), ((2, 3, 2),)),
    "heads to rows": (ViewOf(SCORES, BY_POSITION), lambda x: (x,), (SCORES.shape,)),
    "pad": (aten.constant_pad_nd.default, lambda x: (x, [1, 2, 0, 1], 2.0), ((2, 3, 2),)),
    "pad by name": (aten.pad.default, lambda x: (x, [0, 1], "constant", None), ((2, 3),)),
    "crop": (aten.constant_pad_nd.default, lambda x: (x, [-1, 1], 0.0), ((2, 3),)),
    "cat": (aten.cat.default, lambda x, y: ([x, y], 1), ((2, 1, 3), (2, 4, 3))),
    "cat, from behind": (aten.cat.default, lambda x, y: ([x, y], -1), ((2, 1), (2, 4))),
    "copy": (aten.copy.default, lambda x, y: (x, y), ((2, 3), (2, 3))),
    "copy that broadcasts": (aten.copy.default, lambda x, y: (x, y), ((2, 3), (1, 3))),
    "a row": (WriteInto(Geometry((3, 4), (4, 1), 0), Geometry((4,), (1,), 4)), lambda x, y: (x, y), ((3, 4), (4,))),
    "every other": (
        WriteInto(Geometry((3, 6), (6, 1), 0), Geometry((3, 3), (6, 2), 1)), lambda x, y: (x, y), ((3, 6), (3, 3))
    ),
    "diagonal": (WriteInto(Geometry((3, 3), (3, 1), 0), Geometry((3,), (4,), 0)), lambda x, y: (x, y), ((3, 3), (3,))),
    "half a window, by position": (
        WriteInto(SCORES, Geometry((2, 3, 2, 2), (60, 5, 30, 1), 18)),
        lambda x, y: (x, y),
        (SCORES.shape, (2, 3, 2, 2)),
    ),
}  # fmt: skip


def _facts(shape: Shape, random: np.random.Generator, values: list[float]) -> np.ndarray:
    """A fact of each element, the same along some axes."""
    lengths = [1 if random.random() < 0.4 else n for n in shape]
    return random.choice(np.array(values), size=lengths)


def _value(shape: Shape, random: np.random.Generator) -> Unknown:
    offset = _facts(shape, random, [0.0, -1e4, 3.0])
    return unknown(shape, torch.float64, _facts(shape, random, [np.nan, np.nan, 0.0, -np.inf]), offset=offset)


def _full(fact: Any, shape: Shape) -> torch.Tensor:
    return torch.from_numpy(np.broadcast_to(np.zeros(()) if fact is None else fact, shape).copy())


def _run(asked: Asked, tensors: list[torch.Tensor], *, fill: bool = True) -> list[torch.Tensor]:
    """The op itself; `fill`: with the constant that it fills in, else with zero."""
    op, arguments, _ = asked
    args = arguments(*tensors)
    args = args if fill else tuple(0.0 if isinstance(arg, float) else arg for arg in args)
    result = op(*args)
    return list(result) if isinstance(result, list | tuple) else [result]


def _step(asked: Asked, values: list[Any]) -> Transfer:
    op, arguments, shapes = asked
    operands = [Operand(slot, value) if isinstance(value, Unknown) else value for slot, value in enumerate(values)]
    results = tuple(Spec(tuple(r.shape), r.dtype) for r in _run(asked, [torch.zeros(s).double() for s in shapes]))
    name = op.__name__ if isinstance(op, ViewOf | WriteInto) else op._schema.name
    return apply(Call(op, name, bind(op, arguments(*operands), {}), results))


@pytest.mark.parametrize("name", CASES)
@given(seed=st.integers(0, 10**6), known=st.booleans())
@settings(max_examples=20, deadline=None)
def test_elements_go_where_the_op_puts_them_and_take_their_facts_along(name: str, seed: int, known: bool) -> None:
    asked, random = CASES[name], np.random.default_rng(seed)
    shapes = asked[2]
    values: list[Any] = [_value(shape, random) for shape in shapes]
    if known and len(values) > 1:
        values[seed % 2] = torch.from_numpy(random.choice([0.0, 2.0], size=shapes[seed % 2]))
    step = _step(asked, values)
    plain = [v if isinstance(v, torch.Tensor) else None for v in values]
    certain = [p if p is not None else _full(v.certain, v.shape) for p, v in zip(plain, values, strict=True)]
    offsets = [_full(None if p is not None else v.offset, s) for p, v, s in zip(plain, values, shapes, strict=True)]
    for output, facts, held in zip(step.outputs, _run(asked, certain), _run(asked, offsets, fill=False), strict=True):
        assert isinstance(output, Unknown)
        assert np.array_equal(np.broadcast_to(output.certain, output.shape), facts.numpy(), equal_nan=True)
        # an offset of what is certain says nothing
        told = np.where(np.isnan(facts.numpy()), held.numpy(), 0.0)
        assert np.array_equal(_full(output.offset, output.shape).numpy(), told)
    _leads_where_numbers_go(asked, step, values)


def _leads_where_numbers_go(asked: Asked, step: Transfer, values: list[Any]) -> None:
    """Each element of each operand has a number; the op shows in which elements of the results it stands."""
    sizes = [int(np.prod(shape)) for shape in asked[2]]
    starts = np.cumsum([1, *sizes])
    numbers = [
        torch.arange(float(start), float(start + size), dtype=torch.float64).reshape(shape)
        for start, size, shape in zip(starts, sizes, asked[2], strict=False)
    ]
    for flows, result in zip(step.flows, _run(asked, numbers, fill=False), strict=True):
        for slot, (value, shape) in enumerate(zip(values, asked[2], strict=True)):
            if isinstance(value, Unknown):
                told = np.zeros((sizes[slot], result.numel()), dtype=bool)
                for _, flow in (f for f in flows if f[0] == slot):
                    told |= matrix(flow, shape, tuple(result.shape))
                assert (told == (numbers[slot].reshape(-1, 1) == result.reshape(1, -1)).numpy()).all()


@pytest.mark.parametrize("name", ["pad", "cat", "every other", "half a window, by position", "heads to rows"])
def test_no_table_of_indices_is_kept(name: str) -> None:
    # A table for the scores of longformer's windows has six million entries, for each step and layout.
    asked = CASES[name]
    step = _step(asked, [_value(shape, np.random.default_rng(0)) for shape in asked[2]])
    assert not any(isinstance(flow, Take) for flows in step.flows for _, flow in flows)
