"""Light modes: torch's dispatch modes without torch._dynamo, which they import at their first op (half a second)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch.utils._python_dispatch import TorchDispatchMode

#: The attribute in which torch keeps the form of a function that dynamo leaves alone, once it has made it.
_DYNAMO_FORM = "__dynamo_disable"


@contextmanager
def without_dynamo(*modes: type[TorchDispatchMode]) -> Iterator[None]:
    """These modes run as they are: nothing is compiled meanwhile, so dynamo need not be kept away from them."""
    handlers: list[object] = [getattr(mode.__torch_dispatch__, "__wrapped__", None) for mode in modes]
    fresh = [handler for handler in handlers if handler is not None and not hasattr(handler, _DYNAMO_FORM)]
    # Where the attribute is set, torch uses it and makes no form of its own.
    for handler in fresh:
        setattr(handler, _DYNAMO_FORM, handler)
    try:
        yield
    finally:
        for handler in fresh:
            delattr(handler, _DYNAMO_FORM)
