"""Ops that write, as functions that return what they would have written."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch

from archtrace.ops import plain


@lru_cache(maxsize=4096)
def written(op: Any) -> tuple[str, ...]:
    """The names of the arguments that an op writes into; an op that only gives a view another shape writes nothing."""
    schema = getattr(op, "_schema", None)
    if schema is None or not schema.is_mutable or torch.Tag.inplace_view in op.tags:
        return ()
    return tuple(a.name for a in schema.arguments if a.alias_info is not None and a.alias_info.is_write)


def returning(op: Any) -> Any:
    """The op that returns what this one writes: its twin (`add` for `add_`), else the op on copies."""
    # add_ -> add, copy_ -> copy: the twin takes the same arguments and is known to the rules.
    packet = getattr(torch.ops.aten, _plain_name(op), None)
    twin = getattr(packet, op._overloadname, None)
    first = op._schema.arguments[0].name if op._schema.arguments else ""
    if twin is None or twin._schema.is_mutable or written(op) != (first,):
        return Returning(op)
    same = [a.name for a in twin._schema.arguments] == [a.name for a in op._schema.arguments]
    return twin if same else Returning(op)


def reshaping(op: Any) -> Any:
    """The view op behind one that gives its own argument another shape (`squeeze` for `squeeze_`)."""
    return getattr(getattr(torch.ops.aten, _plain_name(op)), op._overloadname)


def _plain_name(op: Any) -> str:
    return plain(str(op._schema.name)).removesuffix("_")


@dataclass(frozen=True)
class Returning:
    """An op that writes, run on copies: what it returns is what it wrote, then its own other results."""

    op: Any
    __name__ = "archtrace::returning"

    def __call__(self, *args: Any, **kwargs: Any) -> tuple[torch.Tensor, ...]:
        bound = dict(zip((a.name for a in self.op._schema.arguments), args, strict=False)) | kwargs
        # Run on copies: as a function it must leave what it is given alone.
        copies = bound | {name: _copy(bound[name]) for name in written(self.op) if bound.get(name) is not None}
        keyword = {a.name for a in self.op._schema.arguments if a.kwarg_only}
        result = self.op(
            *(v for k, v in copies.items() if k not in keyword), **{k: v for k, v in copies.items() if k in keyword}
        )
        outs = [t for name in written(self.op) for t in _tensors(copies.get(name))]
        return (*outs, *(t for t in _tensors(result) if all(t is not o for o in outs)))


def _copy(value: Any) -> Any:
    return [_copy(v) for v in value] if isinstance(value, list | tuple) else value.clone()


def _tensors(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    return [t for v in value for t in _tensors(v)] if isinstance(value, list | tuple) else []
