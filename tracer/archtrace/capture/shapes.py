"""Shapes of results, remembered: the hundredth layer of a model asks of each op what the first one asked.

What fakes tell of an op depends on the shapes, strides and types of its tensors and on its other arguments. Where an op
makes new tensors, they are made here from the second time on, without running its parts.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple, TypeAlias

import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

from archtrace.capture.memory import storage_key
from archtrace.capture.program import Shape

_CPU = torch.device("cpu")


class Form(NamedTuple):
    """Shape, strides and type of a tensor."""

    shape: Shape
    stride: tuple[int, ...]
    dtype: torch.dtype


#: One result, or several.
Forms: TypeAlias = Form | tuple[Form, ...]


class Shapes:
    """What ops returned for which arguments."""

    def __init__(self, mode: FakeTensorMode) -> None:
        self._mode = mode
        self._known: dict[Hashable, Forms] = {}

    def key(self, op: Any, args: Any, kwargs: Any) -> Hashable | None:
        """What the forms of an op's results depend on; None where they are not remembered."""
        # A view must share the memory of its operand, and a write must be heard: neither may be made up.
        if op._schema.is_mutable or any(r.alias_info is not None for r in op._schema.returns):
            return None
        key = (op, _plain(args), _plain(tuple(kwargs.items())))
        try:
            hash(key)
        except TypeError:  # an argument of another kind: a generator, a symbol
            return None
        return key

    def known(self, key: Hashable | None) -> Any:
        """New fakes as an op returned them; None where it has not been seen."""
        forms = self._known.get(key) if key is not None else None
        if forms is None:
            return None
        return self._made(forms) if isinstance(forms, Form) else tuple(map(self._made, forms))

    def remember(self, key: Hashable | None, result: Any, operands: Sequence[torch.Tensor]) -> None:
        """Remember what an op returned, if it is new memory of known size: an alias must be the operand itself."""
        results = list(result) if isinstance(result, list | tuple) else [result]
        if key is None or not all(isinstance(r, FakeTensor) and _sized(r) for r in results):
            return
        # Some ops return their operand itself without saying so in their schema (broadcast_tensors): those run anew.
        own, given = [storage_key(r) for r in results], {storage_key(t) for t in operands}
        if len(set(own)) == len(own) and given.isdisjoint(own):
            forms = tuple(Form(tuple(r.shape), tuple(r.stride()), r.dtype) for r in results)
            self._known[key] = forms if isinstance(result, list | tuple) else forms[0]

    def _made(self, form: Form) -> FakeTensor:
        empty = torch.empty_strided(form.shape, form.stride, dtype=form.dtype, device="meta")
        return FakeTensor(self._mode, empty, _CPU)


def _sized(tensor: torch.Tensor) -> bool:
    return all(isinstance(n, int) for n in (*tensor.shape, *tensor.stride()))


def _plain(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return Form(tuple(value.shape), tuple(value.stride()), value.dtype)
    if isinstance(value, list | tuple):
        return tuple(map(_plain, value))
    return (type(value), value)
