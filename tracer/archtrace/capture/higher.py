"""Higher-order ops (cond, scan, map, flex_attention): their Python bodies, run eagerly under the recorder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Protocol

import torch
from torch._ops import HigherOrderOperator
from torch.utils._pytree import tree_map

from archtrace.capture.execute import Execution
from archtrace.capture.nested import Args, Kwargs
from archtrace.capture.program import Operation
from archtrace.errors import CaptureError


class Recording(Protocol):
    """What is needed of a recorder here, which imports this file."""

    execution: Execution

    def below(self, func: Operation, args: Args, kwargs: Kwargs) -> object:
        """Run an op where tensors have all their axes."""

    def watched(self) -> AbstractContextManager[None]:
        """Record what is run inside."""


def register(mode: type) -> None:
    """Register a mode with every higher-order op that is loaded: torch looks up the mode's class in each op."""
    for op in torch._ops._higher_order_ops.values():
        op.python_key_table.setdefault(
            mode, lambda recorder, *args, op=op, **kwargs: run_eagerly(recorder, op, args, kwargs)
        )


def run_eagerly(recorder: Recording, op: HigherOrderOperator, args: Args, kwargs: Kwargs) -> object:
    """What a higher-order op computes, op by op. CaptureError for one that torch cannot run eagerly."""
    if torch._C._functorch.peek_interpreter_stack() is not None:
        return recorder.below(op, args, kwargs)
    # A known predicate is a branch like any other: the eager body takes it, and that decision is recorded.
    if op.__name__ == "cond" and isinstance(args[0], torch.Tensor) and recorder.execution.is_unknown(args[0]):
        both: Operation = partial(_both, recorder)
        return both(*args, **kwargs)
    body = op.py_kernels.get(torch._C.DispatchKey.CompositeExplicitAutograd)
    if body is None:
        raise CaptureError(f"the higher-order op {op.__name__} has no eager form")
    with recorder.watched():
        return body(*args, **kwargs)


def _both(
    recorder: Recording, chosen: torch.Tensor, yes: Operation, no: Operation, operands: Sequence[object] = ()
) -> object:
    """Parameters decide which branch is taken: either may be, so each result is chosen element by element."""

    def choose(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return torch.where(chosen, a, b)

    with recorder.watched():
        result: object = tree_map(choose, yes(*operands), no(*operands))
    return result


@contextmanager
def without_compile() -> Iterator[None]:
    """torch.compile leaves functions alone: torch compiles around its higher-order ops, where no mode sees them."""
    import sys

    before = torch.compile
    torch.compile = lambda model=None, **_: model if model is not None else (lambda inner: inner)  # type: ignore[assignment]
    dynamo = sys.modules.get("torch._dynamo")  # loaded only where something was compiled
    try:
        if dynamo is None:
            yield
        else:
            with torch.compiler.set_stance("force_eager"):
                yield
    finally:
        torch.compile = before
