"""What the gradients of a real model show, for tests that hold an answer to them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def heard(parts: dict[str, torch.nn.Module]) -> Iterator[dict[str, torch.Tensor]]:
    """What some modules put out meanwhile."""
    kept: dict[str, torch.Tensor] = {}

    def keep(name: str) -> Any:
        return lambda _module, _args, out: kept.update({name: getattr(out, "last_hidden_state", out)})

    handles = [part.register_forward_hook(keep(name)) for name, part in parts.items()]
    try:
        yield kept
    finally:
        for handle in handles:
            handle.remove()


def shown(values: torch.Tensor, output: torch.Tensor, axis: int = 1) -> tuple[tuple[int, ...], ...]:
    """For each row of values the positions at which some derivative of the output is not zero."""
    weights = (torch.rand_like(output) for _ in range(2))
    slopes = [torch.autograd.grad((output * w).sum(), values, retain_graph=True)[0].abs() for w in weights]
    sizes = torch.stack(slopes).sum(0).movedim(axis, 1).flatten(2).amax(2) if values.ndim > 2 else slopes[0] + slopes[1]
    return tuple(tuple(torch.nonzero(row > 1e-13 * sizes.max()).flatten().tolist()) for row in sizes)
