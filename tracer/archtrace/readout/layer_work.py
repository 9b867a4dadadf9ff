"""The work of a forward in one layout, and how much of it is dead, by layer and module."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from archtrace.answer.work import ModuleWork, Work
from archtrace.reach.bound import Bound
from archtrace.reach.dead_work import unused_elements
from archtrace.reach.flops import Flops
from archtrace.reach.marks import Marks


def work(whole: Bound, flops: Flops) -> Work | None:
    """The FLOPs of the forward in a layout, and those that reach no output; `whole` is the bound of all outputs.

    None where not all of them can be counted.
    """
    dead, parts = dict(unused_elements(whole)), dict[str, tuple[int, int]]()
    for node in whole.program.nodes:
        count = flops.of(node, whole)
        if count is None:
            return None
        if count:
            total, gone = parts.get(layer := layer_of(node.module), (0, 0))
            parts[layer] = total + count, gone + _dead_flops(count, node.index, whole, dead)
    named = tuple(ModuleWork(layer, total, gone) for layer, (total, gone) in parts.items() if gone)
    return Work(sum(total for total, _ in parts.values()), sum(part.dead for part in named), named)


def _dead_flops(count: int, index: int, bound: Bound, dead: Mapping[int, Marks]) -> int:
    """Each element of a result costs the same: a sum of products as long as any other."""
    if (flags := dead.get(index)) is None:
        return 0
    if flags.ndim == 0:
        return count
    shape = bound.run.shape(index)
    # Axes of length 1 stand for all indices along them.
    gone = int(np.count_nonzero(flags)) * math.prod(n for n, m in zip(shape, flags.shape, strict=True) if m == 1)
    return count * gone // max(math.prod(shape), 1)


def layer_of(path: str) -> str:
    """The layer that a module is part of ("bert.encoder.layer.11"), else its first two names; "" is the model."""
    names = path.split(".")
    number = next((place for place, name in enumerate(names) if name.isdigit()), None)
    return ".".join(names[: 2 if number is None else number + 1])
