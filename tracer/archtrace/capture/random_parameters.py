"""A model with random parameters for a while: what a replayed program is compared with."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TypeAlias

import torch

from archtrace.capture.model import tables_of
from archtrace.capture.nested import Kwargs
from archtrace.capture.preserve import TURN, restored

#: How to write to a place that holds a tensor, and that tensor.
_Place: TypeAlias = tuple[Callable[[torch.Tensor], None], torch.Tensor]


@contextmanager
def random_parameters(module: torch.nn.Module, seed: int = 0) -> Iterator[Callable[[str], torch.Tensor | None]]:
    """Each parameter and each tensor without memory holds random values; yields a function from a name to its tensor.

    A tensor gets the same values wherever modules have it: tied weights stay tied, and lists of parameters (LSTM has
    one) follow. The module is given back as it was.
    """
    with TURN, restored(module):
        generator = torch.Generator().manual_seed(seed)
        fresh: dict[int, torch.Tensor] = {}
        names = _names(module)
        for put, tensor in list(_places(module)):
            put(fresh.setdefault(id(tensor), _fresh(tensor, generator)))
        yield lambda name: fresh.get(id(names.get(name)), names.get(name))


def _places(module: torch.nn.Module) -> Iterator[_Place]:
    for part in module.modules():
        for table in tables_of(part):
            for name, value in list(table.items()):
                if isinstance(value, torch.Tensor):
                    yield partial(table.__setitem__, name), value
                elif isinstance(value, list):
                    tensors = ((i, item) for i, item in enumerate(value) if isinstance(item, torch.Tensor))
                    yield from ((partial(value.__setitem__, i), item) for i, item in tensors)


def _names(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    tensors = {
        n: t for named in (module.named_buffers, module.named_parameters) for n, t in named(remove_duplicate=False)
    }
    for path, part in module.named_modules():
        fields: Kwargs = vars(part)
        tensors |= {f"{path}.{n}".lstrip("."): t for n, t in fields.items() if isinstance(t, torch.Tensor)}
    return tensors | dict(listed_parameters(module))


def listed_parameters(module: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """The parameters in lists, which torch itself does not register, by name: module, attribute, place in the list."""
    for path, part in module.named_modules():
        fields: Kwargs = vars(part)
        for attribute, value in fields.items():
            items: Sequence[object] = value if isinstance(value, list) else ()
            for place, item in enumerate(items):
                if isinstance(item, torch.Tensor) and item.requires_grad and item.is_leaf:
                    yield f"{path}.{attribute}.{place}".lstrip("."), item


def _fresh(tensor: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Random values in place of a tensor, or a copy where it has values, since a forward may write into its buffers."""
    if isinstance(tensor, torch.nn.Parameter):
        return torch.nn.Parameter(_draw(tensor, generator), requires_grad=False)
    return _draw(tensor, generator) if tensor.is_meta else tensor.detach().clone()


def _draw(tensor: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Matrices of N(0, 1 / fan_in), vectors around 1, zeros for any dtype that is not floating point."""
    if not tensor.dtype.is_floating_point:
        return torch.zeros(tensor.shape, dtype=tensor.dtype)
    noise = torch.randn(tensor.shape, generator=generator)
    fan = math.sqrt(max(tensor.shape[-1], 1)) if tensor.ndim else 1.0
    return (noise / fan if tensor.ndim > 1 else 1 + 0.3 * noise).to(tensor.dtype)
