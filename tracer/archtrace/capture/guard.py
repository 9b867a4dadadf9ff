"""The guard around the public verb: whatever goes wrong is an ArchtraceError, and nothing is left behind in torch."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from archtrace.capture.call_sites import frames_outside, place_of
from archtrace.errors import ArchtraceError, first_line, message

#: The folder of our own code, whose lines mean nothing to the author of a model.
_OURS = str(Path(__file__).parents[1])

#: Each stack of modes, and of functorch's levels (vmap, grad): how deep it is, and how one is taken off.
_STACKS: tuple[tuple[Callable[[], int], Callable[[], object]], ...] = (
    (torch._C._len_torch_function_stack, torch._C._pop_torch_function_stack),
    (torch._C._len_torch_dispatch_stack, torch._C._pop_torch_dispatch_stack),
    (lambda: len(torch._C._functorch.get_interpreter_stack() or []), torch._C._functorch.pop_dynamic_layer_stack),
)


@contextmanager
def guarded() -> Iterator[None]:
    """Errors that nobody foresaw become ArchtraceErrors, and torch's state comes back as it was."""
    with torch_state_restored():
        try:
            yield
        except ArchtraceError:
            raise
        except Exception as error:
            raise internal_error(error) from error


def internal_error(error: Exception) -> ArchtraceError:
    """The error to raise for a defect of ours: it names the line of the model's code that led to it, if any."""
    of_the_model = [frame for frame in frames_outside(error) if not frame.filename.startswith(_OURS)]
    last = (of_the_model or traceback.extract_tb(error.__traceback__))[-1]
    return ArchtraceError(
        message(
            "archtrace itself failed",
            where=place_of(last),
            why=first_line(error),
            do="please report this, with the model; --debug shows the whole error",
        )
    )


@contextmanager
def torch_state_restored() -> Iterator[None]:
    """Default type, grad mode, threads, modes and functorch levels come back as they were, whatever happens.

    A vmap that fails between entering and leaving its level makes every later `torch.randn` of the process fail.
    """
    depths = [depth() for depth, _ in _STACKS]
    dtype, grad, threads = torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads()
    try:
        yield
    finally:
        for (depth, pop), before in zip(_STACKS, depths, strict=True):
            while depth() > before:
                pop()
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(grad)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
