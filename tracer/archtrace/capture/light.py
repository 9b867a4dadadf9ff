"""Light modes: torch's dispatch modes without torch._dynamo, which they import at their first op (half a second)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch.utils._python_dispatch import TorchDispatchMode

#: Where torch keeps the form of a function that dynamo leaves alone, once it has made it.
_KEPT = "__dynamo_disable"


@contextmanager
def light(*modes: type[TorchDispatchMode]) -> Iterator[None]:
    """For a while these modes run as they are: nothing is compiled meanwhile, so nothing need be kept from it."""
    handlers: list[object] = [getattr(mode.__torch_dispatch__, "__wrapped__", None) for mode in modes]
    fresh = [handler for handler in handlers if handler is not None and not hasattr(handler, _KEPT)]
    # torch would keep the form that dynamo leaves alone under this very name.
    for handler in fresh:
        setattr(handler, _KEPT, handler)
    try:
        yield
    finally:
        for handler in fresh:
            delattr(handler, _KEPT)
