"""The first batch: what a model is called with first is heard, once, without a hand on the data."""

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

#: What is done with the inputs of a forward, by name.
Heard: TypeAlias = Callable[[Mapping[str, torch.Tensor]], object]


class FirstBatch:
    """Waits for the next call of a module; `heard` is given the tensors of that call by name, and no other call is.

    A loader is not asked for a batch: that would draw from its order, start its workers, or take from a stream what
    cannot be put back. What `heard` raises goes through the call to whoever made it. `compiled`: torch.compile must not
    look into it.
    """

    def __init__(self, module: torch.nn.Module, heard: Heard, *, compiled: bool = False) -> None:
        self._heard = heard
        # Only then: it imports dynamo, which takes longer than all the rest.
        called = torch.compiler.disable(self._called) if compiled else self._called  # type: ignore[no-untyped-call]
        self._handle: RemovableHandle = module.register_forward_pre_hook(called, with_kwargs=True)

    def leave(self) -> None:
        """Wait no longer."""
        self._handle.remove()

    def _called(self, module: torch.nn.Module, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
        # The copies of a model on several devices share its hooks, and compiled code keeps those that it was made with.
        heard, self._heard = self._heard, lambda batch: None
        self.leave()
        named = dict(zip(inspect.signature(module.forward).parameters, args, strict=False))
        heard({name: value for name, value in {**named, **kwargs}.items() if isinstance(value, torch.Tensor)})


def examined(model: torch.nn.Module, batch: Mapping[str, torch.Tensor], tokenizer: TextTokenizer | None) -> Diagnosis:
    """The diagnosis of a live model and a batch that it is called with; neither it nor any generator is changed.

    Raises ArchtraceError where there is none, whatever the reason: a run need not end for that.
    """
    # A run in half precision may be under autocast, which would stand in the traced program as casts.
    with guarded(), _undrawn(), torch.autocast("cpu", enabled=False):
        return examine(model, batch=batch, tokenizer=tokenizer)


@contextmanager
def _undrawn() -> Iterator[None]:
    """Afterwards the random generators of Python, numpy and torch, on each device in use, are where they were."""
    used = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    devices = range(torch.cuda.device_count()) if used else ()
    python, numbers = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numbers)
