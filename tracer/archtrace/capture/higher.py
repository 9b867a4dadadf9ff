"""Higher-order ops (cond, scan, map, flex_attention): their Python bodies, run eagerly under the recorder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._pytree import tree_map

from archtrace.errors import CaptureError


def register(mode: type) -> None:
    """Have a mode asked for every higher-order op that is loaded: torch looks the mode's class up in each op."""
    for op in torch._ops._higher_order_ops.values():
        op.python_key_table.setdefault(mode, lambda recorder, *args, op=op, **kwargs: eager(recorder, op, args, kwargs))


def eager(recorder: Any, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What a higher-order op computes, op by op. CaptureError for one that torch cannot run eagerly."""
    if torch._C._functorch.peek_interpreter_stack() is not None:
        return recorder.below(op, args, kwargs)
    # A known predicate is a branch as any other: the eager body decides it, and that is recorded.
    if op.name() == "cond" and isinstance(args[0], torch.Tensor) and recorder.execution.unknown(args[0]):
        return _both(recorder, *args, **kwargs)
    body = op.py_kernels.get(torch._C.DispatchKey.CompositeExplicitAutograd)
    if body is None:
        raise CaptureError(f"the higher-order op {op.name()} has no eager form")
    with recorder.watched():
        return body(*args, **kwargs)


def _both(recorder: Any, chosen: torch.Tensor, yes: Any, no: Any, operands: Any = ()) -> Any:
    """Parameters decide which branch is taken: either may be, so each result is chosen element by element."""
    with recorder.watched():
        return tree_map(lambda a, b: torch.where(chosen, a, b), yes(*operands), no(*operands))


@contextmanager
def uncompiled() -> Iterator[None]:
    """torch.compile leaves functions as they are: torch compiles around its higher-order ops, where none is heard."""
    import sys

    before = torch.compile
    torch.compile = lambda model=None, **_: model if model is not None else (lambda inner: inner)  # type: ignore[assignment]
    dynamo = sys.modules.get("torch._dynamo")  # only whoever compiled something has loaded it
    try:
        if dynamo is None:
            yield
        else:
            with torch.compiler.set_stance("force_eager"):
                yield
    finally:
        torch.compile = before
