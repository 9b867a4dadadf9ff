"""Ops that write, as functions that return what they would have written."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch._ops import OpOverload

from archtrace.capture.nested import mapped, tensors_in
from archtrace.capture.program import Op, Operation, bound_arguments
from archtrace.ops import plain


@lru_cache(maxsize=4096)
def written_arguments(op: Operation) -> tuple[str, ...]:
    """The names of the arguments that an op writes into; an op that only gives a view another shape writes nothing."""
    if not isinstance(op, OpOverload) or not op._schema.is_mutable or torch.Tag.inplace_view in op.tags:
        return ()
    return tuple(a.name for a in op._schema.arguments if a.alias_info is not None and a.alias_info.is_write)


def returning(op: Op) -> Operation:
    """The op that returns what this one writes: its twin (`add` for `add_`), else the op on copies."""
    # add_ -> add, copy_ -> copy: the twin takes the same arguments and is known to the rules.
    packet: object = getattr(torch.ops.aten, _plain_name(op), None)
    twin: Op | None = getattr(packet, op._overloadname, None)
    first = op._schema.arguments[0].name if op._schema.arguments else ""
    if twin is None or twin._schema.is_mutable or written_arguments(op) != (first,):
        return Returning(op)
    same = [a.name for a in twin._schema.arguments] == [a.name for a in op._schema.arguments]
    return twin if same else Returning(op)


def reshaping(op: Op) -> Op:
    """The view op behind one that gives its own argument another shape (`squeeze` for `squeeze_`)."""
    packet: object = getattr(torch.ops.aten, _plain_name(op))
    view: Op = getattr(packet, op._overloadname)
    return view


def _plain_name(op: Op) -> str:
    return plain(op._schema.name).removesuffix("_")


@dataclass(frozen=True)
class Returning:
    """An op that writes, run on copies: what it returns is what it wrote, then its own other results."""

    op: Op
    __name__ = "archtrace::returning"

    def __call__(self, *args: object, **kwargs: object) -> tuple[torch.Tensor, ...]:
        bound = bound_arguments(self.op, args, kwargs)
        # Run on copies: a function must not change its arguments.
        copies = bound | {
            name: mapped(bound[name], _copy) for name in written_arguments(self.op) if bound.get(name) is not None
        }
        keyword = {a.name for a in self.op._schema.arguments if a.kwarg_only}
        result = self.op(
            *(v for k, v in copies.items() if k not in keyword), **{k: v for k, v in copies.items() if k in keyword}
        )
        outs = [t for name in written_arguments(self.op) for t in tensors_in(copies.get(name))]
        return (*outs, *(t for t in tensors_in(result) if all(t is not o for o in outs)))


def _copy(value: object) -> object:
    return value.clone() if isinstance(value, torch.Tensor) else value
