"""Make any model small without knowing it.

Its config is a black box with integers in it. They are reduced one by one, as delta debugging does, and a step is kept
only while the model still builds, its captured graph keeps its skeleton (up to the number of layers), and the analysis
gives the same bound. The first found small enough wins, so that a model of 100 million parameters takes a few steps.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from archtrace.program import Kind, Program

#: Values of config fields, nested fields by dots.
Overrides: TypeAlias = dict[str, Any]

#: A model of this many parameters runs in well under a second.
ENOUGH = 2_000_000
#: Beyond this many parameters a model is not run.
LARGEST = 40_000_000

#: No integer is reduced more than 2^6 times: widths of one or two degenerate (a norm over two features is a sign).
HALVINGS = range(6, 0, -1)

#: Integers that are no sizes.
_NAMES = re.compile(r"(_token_id|_id|_ids|num_labels|seed|version)$")


def integers(config: Any, prefix: str = "") -> Iterator[tuple[str, int]]:
    """The integers of a config that may be sizes, by field; those of sub-configs by dotted field."""
    for name, value in vars(config).items():
        if name.startswith("_") or _NAMES.search(name) or isinstance(value, bool):
            continue
        if isinstance(value, int) and value > 1:
            yield prefix + name, value
        elif hasattr(value, "to_diff_dict"):
            yield from integers(value, f"{prefix}{name}.")


def smaller_values(value: int) -> list[int]:
    """What an integer is reduced to, smallest first: halved as often as may be (which keeps what divides it), or 2."""
    halved = {value >> k for k in HALVINGS if value >> k >= 2}
    return sorted(halved | ({2} if value <= 128 else set()))


def skeleton(program: Program) -> frozenset[tuple[str, str, int]]:
    """The kinds of steps that a program takes: op, module without layer numbers, source line."""
    return frozenset(
        (n.op, re.sub(r"\d+", "*", n.module), n.frames[-1].line if n.frames else 0)
        for n in program.nodes
        if n.kind is Kind.OP
    )


class Size(NamedTuple):
    """How large a model is: its modules (each is traced), and the elements of its parameters (each is computed)."""

    modules: int
    parameters: int


#: The size of a model under overrides; None where it does not build.
Measure: TypeAlias = Callable[[Overrides], Size | None]


def shrink(config: Any, size: Measure, keeps: Callable[[Overrides], bool], enough: int = ENOUGH) -> Overrides:
    """Overrides that make the model of a config small: few modules first, then few parameters.

    `keeps` tells whether graph and bound stay what they were.
    """
    found: Overrides = {}
    refused: set[tuple[str, int]] = set()
    current = size(found)
    while current is not None:
        step = _best_step(config, found, current, size, refused, enough)
        if step is None:
            break
        name, value, smaller = step
        if keeps(found | {name: value}):
            found, current = found | {name: value}, smaller
        else:
            refused.add((name, value))
    return found


def _best_step(
    config: Any, found: Overrides, current: Size, size: Measure, refused: set[tuple[str, int]], enough: int
) -> tuple[str, int, Size] | None:
    """The step that takes away most modules; where none does, most parameters, as long as they are too many."""
    steps = [(n, v, s) for n, v in _candidates(config, found, refused, size) if (s := size(found | {n: v})) is not None]
    fewer = [step for step in steps if step[2].modules < current.modules]
    if not fewer and current.parameters > enough:
        fewer = [step for step in steps if step[2].parameters < current.parameters]
    return min(fewer, key=lambda step: step[2], default=None)


def _candidates(
    config: Any, found: Overrides, refused: set[tuple[str, int]], size: Measure
) -> Iterator[tuple[str, int]]:
    """For each integer its smallest value that builds and was not refused."""
    for name, value in integers(config):
        for smaller in smaller_values(value):
            fresh = smaller < found.get(name, value) and (name, smaller) not in refused
            if fresh and size(found | {name: smaller}) is not None:
                yield name, smaller
                break


def apply(arguments: Mapping[str, Any], overrides: Overrides) -> dict[str, Any]:
    """A config's arguments with overrides set; lists as long as a reduced integer are cut to it."""
    changed: dict[str, Any] = {k: dict(v) if isinstance(v, dict) else v for k, v in arguments.items()}
    for name, value in overrides.items():
        *path, field = name.split(".")
        table = changed
        for part in path:
            table = table.setdefault(part, {})
        old = table.get(field)
        table[field] = value
        for key, entry in list(table.items()):
            if isinstance(entry, list) and isinstance(old, int) and len(entry) == old:
                table[key] = entry[:value]
    return changed
