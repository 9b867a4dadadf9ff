"""Make any model small without knowing it.

Its config is a black box with integers in it. They are reduced one by one while the model still builds, which costs
milliseconds. Then the captured graph must keep its skeleton (up to the number of layers) and the analysis must give the
same bound; where it does not, delta debugging finds the steps to take back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from archtrace.capture.program import NodeKind, Program


class Used(NamedTuple):
    """The highest id that the layouts hold, and the highest position that a model may count up to."""

    ids: int
    positions: int


#: Values of config fields, nested fields by dots.
Overrides: TypeAlias = dict[str, Any]

#: A model of this many parameters runs in well under a second: it is its own small model.
ENOUGH = 2_000_000
#: Beyond this many parameters a model is not run.
LARGEST = 120_000_000

#: No integer is reduced more than 2^6 times.
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
    return sorted(v for v in {value >> k for k in HALVINGS} | {2} if 2 <= v < value)


def floor_of(value: int, used: Used) -> int:
    """An integer above every id in use stays above it, as it may be the number of ids; one above the number of
    positions likewise. Widths of one or two would degenerate anyhow: a norm over two features is a sign."""
    return next((bound + 1 for bound in (used.ids, used.positions) if value > bound), 2)


def unnumbered(path: str) -> str:
    """A module's path without the numbers of its layers."""
    return re.sub(r"\d+", "*", path)


def skeleton(program: Program) -> frozenset[tuple[str, str, int]]:
    """The kinds of steps that a program takes: op, module without layer numbers, source line."""
    return frozenset((n.op, unnumbered(n.module), n.line) for n in program.nodes if n.kind is NodeKind.OP)


class ModelSize(NamedTuple):
    """How large a model is: its modules (each is traced), the elements of its parameters (each is computed), and the
    kinds of modules that it has, by path without numbers."""

    modules: int
    parameters: int
    kinds: frozenset[str] = frozenset()


#: The size of a model under overrides; None where it does not build.
Measure: TypeAlias = Callable[[Overrides], ModelSize | None]
Keeps: TypeAlias = Callable[[Overrides], bool]


#: Overrides with what the config derives from them; None where that would degenerate.
Coupled: TypeAlias = Callable[[Overrides], Overrides | None]


def shrink(config: Any, size: Measure, keeps: Keeps, used: Used, coupled: Coupled) -> Overrides:
    """Overrides that make the model of a config small.

    `keeps` tells whether graph and bound stay what they were; `used` is what the layouts need. Each integer is moved
    alone first, which leaves widths of heads as they are; then with what hangs on it, if the model does not run so.
    """
    integer = dict(integers(config))
    # Most models run with each field cut by itself; only what does not costs a search.
    alone = steps(integer, size, used, dict)
    if keeps(alone):
        return alone
    # A width that the constructor derives from another follows it, and is not moved by itself.
    free = {name: value for name, value in integer.items() if name not in derived(integer, coupled)}
    together = coupled(steps(free, size, used, coupled))
    if together and together != alone and keeps(together):
        return together
    return _settled(integer, size, keeps, used, alone)


def _settled(integer: Mapping[str, int], size: Measure, keeps: Keeps, used: Used, alone: Overrides) -> Overrides:
    """What can be kept of the steps, each with its twins."""
    twins = twins_of(integer)

    def paired(overrides: Overrides) -> Overrides:
        return overrides | {twin: value for name, value in overrides.items() for twin in twins.get(name, ())}

    others = {twin for each in twins.values() for twin in each}
    found = steps({n: v for n, v in integer.items() if n not in others}, size, used, paired) if twins else alone
    return paired(settle({}, list(found.items()), lambda overrides: keeps(paired(overrides)), dict(integer)))


def twins_of(integer: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
    """Fields of one name and value in several configs inside a config, by the first: an encoder's width is the
    decoder's, and both count the same ids."""
    alike: dict[tuple[str, int], list[str]] = {}
    for name, value in integer.items():
        alike.setdefault((name.rpartition(".")[2], value), []).append(name)
    return {names[0]: tuple(names[1:]) for names in alike.values() if len(names) > 1}


def derived(integer: Mapping[str, int], coupled: Coupled) -> frozenset[str]:
    """The fields that another one moves: a head's width, where it is the quotient of two."""
    halved = ((name, coupled({name: value // 2})) for name, value in integer.items() if value > 3)
    return frozenset(moved for name, found in halved for moved in found or () if moved != name)


def steps(integer: Mapping[str, int], size: Measure, used: Used, coupled: Coupled) -> Overrides:
    """Each integer in turn at the smallest value at which the model still builds, and is no larger for it.

    What counts modules comes first: everything after it is cheap.
    """
    found: Overrides = {}
    current = size(found)
    for name, value in sorted(integer.items(), key=_likely_depth):
        for smaller in smaller_values(value):
            trial = coupled(found | {name: smaller})
            measured = None if trial is None else size(trial)
            if measured is not None and current is not None and smaller < floor_of(value, used):
                measured = measured if measured.modules < current.modules else None
            if measured is not None and current is not None and _no_larger(measured, current):
                if measured != current:
                    found, current = found | {name: smaller}, measured
                elif value <= _SMALL:
                    found = found | {name: smaller}
                break
    return found


#: Counts (of heads, of groups) that change no size by themselves may be what a width must be a multiple of.
_SMALL = 128


def _no_larger(measured: ModelSize, current: ModelSize) -> bool:
    return (
        measured.kinds == current.kinds
        and measured.modules <= current.modules
        and measured.parameters <= current.parameters
    )


def _likely_depth(entry: tuple[str, int]) -> tuple[bool, bool]:
    """Numbers of layers first, then other small numbers (heads), then widths: only the order depends on it."""
    name, value = entry
    return not re.search(r"layer|depth|block", name), value > _SMALL


def settle(kept: Overrides, pending: list[tuple[str, int]], keeps: Keeps, given: Overrides) -> Overrides:
    """As many of the pending steps as can be kept, halving the list where all together cannot (delta debugging).

    A single step that cannot is made smaller: its integer doubled, up to what was `given`.
    """
    if not pending or keeps(kept | dict(pending)):
        return kept | dict(pending)
    if len(pending) == 1:
        ((name, value),) = pending
        return settle(kept, [(name, 2 * value)], keeps, given) if 2 * value < given[name] else kept
    # Delta debugging: what cannot be kept together may be kept in halves.
    middle = len(pending) // 2
    return settle(settle(kept, pending[:middle], keeps, given), pending[middle:], keeps, given)


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
