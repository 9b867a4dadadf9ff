"""torch's own state: what a failure in the middle of a run could leave behind in the process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

#: Each stack of modes, and of functorch's levels (vmap, grad): how deep it is, and how one is taken off.
_STACKS: tuple[tuple[Callable[[], int], Callable[[], object]], ...] = (
    (torch._C._len_torch_function_stack, torch._C._pop_torch_function_stack),
    (torch._C._len_torch_dispatch_stack, torch._C._pop_torch_dispatch_stack),
    (lambda: len(torch._C._functorch.get_interpreter_stack() or []), torch._C._functorch.pop_dynamic_layer_stack),
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
