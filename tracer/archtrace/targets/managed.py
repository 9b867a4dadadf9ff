"""Weights under management: accelerate, FSDP and DDP fetch, gather or place them by hooks around a forward.

These hooks compute nothing. A traced run has no weights to fetch, and a copy would fetch them into memory, so they are
switched off meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

#: The packages whose hooks these are.
_PACKAGES = ("accelerate", "torch")
#: Classes of hooks that only fetch or place weights, and the class that holds several hooks.
_FETCHING = frozenset({"AlignDevicesHook", "CpuOffload", "FSDPState", "_ReplicateState", "_DDPState"})
_SEVERAL = "SequentialHook"
#: Modules that do the same around a module inside them -> the name under which they have it.
_WRAPPERS = {"FullyShardedDataParallel": "_fsdp_wrapped_module"}


def is_managed(model: torch.nn.Module) -> bool:
    """Whether hooks fetch, gather or place the weights of any module of a model."""
    return any(True for part in model.modules() for _ in _switches(part))


def unmanage(model: torch.nn.Module) -> None:
    """Switch those hooks off. Whoever calls this puts the modules' fields back."""
    for part in model.modules():
        for switch in list(_switches(part)):
            switch()


def _switches(part: torch.nn.Module) -> Iterator[Callable[[], object]]:
    """What switches off each of the hooks that fetch a module's weights."""
    fields: dict[str, object] = vars(part)
    if _fetches(fields.get("_hf_hook")) and "_old_forward" in fields:
        yield partial(fields.__setitem__, "forward", fields["_old_forward"])
    tables: tuple[dict[int, Callable[..., object]], ...] = (part._forward_pre_hooks, part._forward_hooks)
    for table in tables:
        for key, hook in table.items():
            if _fetches(getattr(hook, "__self__", None)):
                yield partial(table.pop, key)
    if (inner := _WRAPPERS.get(_managing_class(part))) is not None:
        yield partial(fields.__setitem__, "forward", getattr(part, inner))


def _fetches(hook: object) -> bool:
    name, hooks = _managing_class(hook), getattr(hook, "hooks", ())
    return name in _FETCHING or (name == _SEVERAL and all(map(_fetches, hooks)))


def _managing_class(value: object) -> str:
    """The name of a value's class, where one of these packages defines it; else empty."""
    kind = type(value)
    return kind.__name__ if kind.__module__.partition(".")[0] in _PACKAGES else ""
