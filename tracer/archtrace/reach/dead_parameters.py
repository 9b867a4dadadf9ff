"""Parameters that reach no output, in any layout."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from archtrace.reach.bound import Bound
from archtrace.reach.interpreter import Interpreter


def dead_parameters(module: torch.nn.Module, bounds: Sequence[Bound], interpreter: Interpreter) -> tuple[str, ...]:
    """The names of parameters that reach no output in any layout, in the module's order; a shared one lives once."""
    live: set[int] = set()
    by_name = dict(module.named_parameters(remove_duplicate=False))
    for found in bounds:
        # By identity: a tied weight lives under each of its names where one of them does.
        seen = (found, *_of_others(found, interpreter))
        reached = (n for n, index in found.program.parameters.items() if any(each.reached(index) for each in seen))
        live |= {id(by_name[name]) for name in reached if name in by_name}
    return tuple(name for name, parameter in module.named_parameters() if id(parameter) not in live)


def _of_others(found: Bound, interpreter: Interpreter) -> Iterator[Bound]:
    """What reaches the outputs that are not asked about, all of them together."""
    others = {i for i in found.program.returned.values() if i != found.program.output and found.unknown(i)}
    if others:
        wanted = {i: np.ones((1,) * (len(found.run.shape(i)) + 1), dtype=bool) for i in others}
        yield Bound(found.run, tuple(interpreter.demand(found.run, wanted)))


def dead_modules(module: torch.nn.Module, dead: Sequence[str]) -> tuple[str, ...]:
    """The outermost modules all of whose parameters are dead."""
    gone = set(dead)
    found: list[str] = []
    for path, part in module.named_modules():
        names = [f"{path}.{n}".lstrip(".") for n, _ in part.named_parameters()]
        # The outermost alone: that a dead layer's parts are dead goes without saying.
        inside = any(path == f or path.startswith(f"{f}.") for f in found)
        if names and path and not inside and gone.issuperset(names):
            found.append(path)
    return tuple(found)
