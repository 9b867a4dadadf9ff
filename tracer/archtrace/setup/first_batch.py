"""The first batch: a hook on the model receives what it is first called with; the loader is left alone."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeAlias

import numpy as np
import torch
from torch.utils.hooks import RemovableHandle

from archtrace.answer.diagnosis import Diagnosis
from archtrace.capture.guard import guarded
from archtrace.setup.examination import examine
from archtrace.targets.tokenized import TextTokenizer

#: Receives the tensors that a forward is called with, by name.
OnBatch: TypeAlias = Callable[[Mapping[str, torch.Tensor]], object]


class FirstBatch:
    """A hook that calls `on_batch` with the tensors of the next call of a module, by name, and of no later call.

    The loader is not asked for a batch: that would advance its order, start its workers, or take from a stream what
    cannot be put back. What `on_batch` raises goes through to the caller of the module. `compiled`: the module is
    compiled, and torch.compile must not trace the hook.
    """

    def __init__(self, module: torch.nn.Module, on_batch: OnBatch, *, compiled: bool = False) -> None:
        self._on_batch = on_batch
        # Not for every module: torch.compiler.disable imports dynamo, which takes longer than all the rest.
        hook = torch.compiler.disable(self._hook) if compiled else self._hook  # type: ignore[no-untyped-call]
        self._handle: RemovableHandle = module.register_forward_pre_hook(hook, with_kwargs=True)

    def remove(self) -> None:
        """Take the hook off the module."""
        self._handle.remove()

    def _hook(self, module: torch.nn.Module, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
        # The copies of a model on several devices share its hooks, and compiled code keeps those that it was made with.
        on_batch, self._on_batch = self._on_batch, lambda batch: None
        self.remove()
        by_name = dict(zip(inspect.signature(module.forward).parameters, args, strict=False))
        on_batch({name: value for name, value in {**by_name, **kwargs}.items() if isinstance(value, torch.Tensor)})


def examine_first_batch(
    model: torch.nn.Module, batch: Mapping[str, torch.Tensor], tokenizer: TextTokenizer | None
) -> Diagnosis:
    """The diagnosis of a live model and a batch that it is called with; neither the model nor any generator is changed.

    Raises ArchtraceError where the diagnosis fails, whatever the reason: a training run need not end for that.
    """
    # A run in half precision may be under autocast, which would add casts to the traced program.
    with guarded(), _random_states_kept(), torch.autocast("cpu", enabled=False):
        return examine(model, batch=batch, tokenizer=tokenizer)


@contextmanager
def _random_states_kept() -> Iterator[None]:
    """Afterwards the random generators of Python, numpy and torch, on each device in use, have the state of before."""
    uses_cuda = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    devices = range(torch.cuda.device_count()) if uses_cuda else ()
    python_state, numpy_state = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)
