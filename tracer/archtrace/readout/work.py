"""The work of a forward in one layout, and how much of it is dead, by layer and module."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from archtrace.answer.work import Part, Work
from archtrace.capture.flops import Flops
from archtrace.reach.bound import Bound
from archtrace.reach.dead_work import unused
from archtrace.reach.interpreter import Interpreter
from archtrace.reach.marks import Marks


def work(interpreter: Interpreter, found: Bound, flops: Flops) -> Work:
    """The FLOPs of the forward in the layout of a bound, and those that reach no output."""
    dead = dict(unused(interpreter, found.run))
    parts: dict[str, tuple[int, int]] = {}
    for node in found.program.nodes:
        if count := flops.of(node, found.program):
            total, gone = parts.get(layer := layer_of(node.module), (0, 0))
            parts[layer] = total + count, gone + _dead(count, node.index, found, dead)
    named = tuple(Part(layer, total, gone) for layer, (total, gone) in parts.items() if gone)
    return Work(sum(total for total, _ in parts.values()), sum(part.dead for part in named), named)


def _dead(count: int, index: int, found: Bound, dead: Mapping[int, Marks]) -> int:
    """Each element of a result costs the same: a sum of products as long as any other."""
    if (flags := dead.get(index)) is None:
        return 0
    if flags.ndim == 0:
        return count
    shape = found.run.shape(index)
    # Axes of length 1 stand for all indices along them.
    gone = int(np.count_nonzero(flags)) * math.prod(n for n, m in zip(shape, flags.shape, strict=True) if m == 1)
    return count * gone // max(math.prod(shape), 1)


def layer_of(path: str) -> str:
    """The layer that a module is part of ("bert.encoder.layer.11"), else its first two names; "" is the model."""
    names = path.split(".")
    number = next((place for place, name in enumerate(names) if name.isdigit()), None)
    return ".".join(names[: 2 if number is None else number + 1])
