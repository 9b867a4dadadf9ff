"""Shapes of results, remembered: the hundredth layer of a model calls its ops as the first one did.

What fakes tell of an op depends on the shapes, strides and types of its tensors and on its other arguments. From the
second time on its results are made here, without running its parts: as new memory, as a view of an operand's memory,
or as the operand itself, whichever it was.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple, TypeAlias

import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

from archtrace.capture.memory import storage_key
from archtrace.capture.nested import Args, Kwargs
from archtrace.capture.program import Op, Shape

_CPU = torch.device("cpu")


class Form(NamedTuple):
    """Shape, strides, type and place in its storage of a tensor."""

    shape: Shape
    stride: tuple[int, ...]
    dtype: torch.dtype
    offset: int


class OpResult(NamedTuple):
    """What an op returned: a form, and the operand (of its tensors, from left to right) whose memory it shares.

    `itself`: it is that operand, as what `contiguous` gives of a contiguous tensor is.
    """

    form: Form
    operand: int | None = None
    itself: bool = False


#: What ops returned for which arguments: one result, or several.
Known: TypeAlias = dict[Hashable, OpResult | tuple[OpResult, ...]]


class Shapes:
    """What ops returned for which arguments. `known` may be that of another run: it holds no tensors."""

    def __init__(self, mode: FakeTensorMode, known: Known | None = None) -> None:
        self._mode = mode
        self._known: Known = {} if known is None else known

    def key(self, op: Op, args: Args, kwargs: Kwargs) -> Hashable | None:
        """What the forms of an op's results depend on; None where they are not remembered."""
        # A write must run: memory follows it.
        if op._schema.is_mutable:
            return None
        plain = _Plain(views=any(r.alias_info is not None for r in op._schema.returns))
        try:
            key = (op, torch.get_default_dtype(), torch.is_autocast_enabled("cpu"), plain(args), plain(kwargs))
            hash(key)
        except TypeError:  # an argument of another kind: a generator, a symbol, an object of C++
            return None
        return key

    def known(self, key: Hashable | None, operands: Sequence[torch.Tensor]) -> object:
        """Fakes like those that the op returned before; None where it has not run with such arguments."""
        results = self._known.get(key) if key is not None else None
        if results is None:
            return None
        if isinstance(results, OpResult):
            return self._made(results, operands)
        made = tuple(self._made(r, operands) for r in results)
        return None if any(r is None for r in made) else made

    def remember(self, key: Hashable | None, result: object, operands: Sequence[torch.Tensor]) -> None:
        """Remember what an op returned, if all of it is of known size."""
        results: Sequence[object] = result if isinstance(result, list | tuple) else [result]
        fakes = [r for r in results if isinstance(r, FakeTensor) and _sized(r)]
        if key is None or len(fakes) < len(results):
            return
        known = tuple(_result(r, operands) for r in fakes)
        fresh = [storage_key(r) for r, each in zip(fakes, known, strict=True) if each.operand is None]
        # Results that share memory of their own (the halves of a copy) run anew.
        if len(set(fresh)) == len(fresh):
            self._known[key] = known if isinstance(result, list | tuple) else known[0]

    def _made(self, result: OpResult, operands: Sequence[torch.Tensor]) -> torch.Tensor | None:
        shape, stride, dtype, offset = result.form
        if result.operand is None:
            return fake_of(self._mode, shape, stride, dtype)
        operand = operands[result.operand]
        if not isinstance(operand, FakeTensor):  # it has memory of its own: what looks into that is run
            return None
        if result.itself:
            return operand
        empty = torch.empty(0, dtype=dtype, device="meta")
        # A fake's storage is that of the tensor without memory behind it.
        return FakeTensor(self._mode, empty.set_(operand.untyped_storage(), offset, shape, stride), _CPU)


def fake_of(mode: FakeTensorMode, shape: Shape, stride: tuple[int, ...], dtype: torch.dtype) -> FakeTensor:
    """A new fake. Made by hand: a factory that runs inside the mode costs ten times as much."""
    return FakeTensor(mode, torch.empty_strided(shape, stride, dtype=dtype, device="meta"), _CPU)


def _result(tensor: torch.Tensor, operands: Sequence[torch.Tensor]) -> OpResult:
    """Which operand a result is, or shares memory with; the first of several."""
    form = Form(tuple(tensor.shape), tuple(tensor.stride()), tensor.dtype, int(tensor.storage_offset()))
    for k, operand in enumerate(operands):
        if operand is tensor:
            return OpResult(form, k, itself=True)
    own = storage_key(tensor)
    return OpResult(form, next((k for k, t in enumerate(operands) if storage_key(t) == own), None))


def _sized(tensor: torch.Tensor) -> bool:
    # A conjugated or negated view says so in a bit of its own, which no form holds.
    numbers = (*tensor.shape, *tensor.stride(), tensor.storage_offset())
    return all(isinstance(n, int) for n in numbers) and not tensor.is_complex() and not tensor.is_neg()


class _Plain:
    """Arguments by their values, tensors by their forms; where results may be views also by the size of their memory,
    which bounds what may be looked at."""

    def __init__(self, views: bool) -> None:
        self._views = views

    def __call__(self, value: object) -> Hashable:
        if isinstance(value, torch.Tensor):
            form = Form(tuple(value.shape), tuple(value.stride()), value.dtype, value.storage_offset())  # type: ignore[arg-type]
            return (form, value.untyped_storage().nbytes()) if self._views else form
        if isinstance(value, list | tuple):
            return tuple(map(self, value))
        if isinstance(value, dict):
            return tuple((name, self(each)) for name, each in value.items())
        if isinstance(value, torch.ScriptObject):
            raise TypeError("packed weights have no value that could be compared")
        return (type(value), value)
