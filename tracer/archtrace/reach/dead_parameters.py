"""Parameters that reach no output, in any layout."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch

from archtrace.reach.bound import Bound


def dead_parameters(module: torch.nn.Module, wholes: Iterable[Bound]) -> tuple[str, ...]:
    """The names of parameters that reach no output in any layout, in the module's order; a shared one lives once.

    `wholes`: per layout the bound of all outputs together.
    """
    live: set[int] = set()
    by_name = dict(module.named_parameters(remove_duplicate=False))
    for whole in wholes:
        # By identity: a tied weight lives under each of its names where one of them does.
        reached = (name for name, index in whole.program.parameters.items() if whole.reached(index))
        live |= {id(by_name[name]) for name in reached if name in by_name}
    return tuple(name for name, parameter in module.named_parameters() if id(parameter) not in live)


def dead_modules(module: torch.nn.Module, dead: Sequence[str]) -> tuple[str, ...]:
    """The outermost modules all of whose parameters are dead."""
    gone = set(dead)
    outermost: list[str] = []
    for path, part in module.named_modules():
        names = [f"{path}.{n}".lstrip(".") for n, _ in part.named_parameters()]
        # The outermost alone: that a dead layer's parts are dead goes without saying.
        inside = any(path == f or path.startswith(f"{f}.") for f in outermost)
        if names and path and not inside and gone.issuperset(names):
            outermost.append(path)
    return tuple(outermost)
