"""Make any model small without knowing its architecture.

The config is a black box with integers in it. They are reduced one by one as long as the model still builds, which
costs milliseconds. Then the captured graph must keep its skeleton (up to the number of layers), and the analysis must
give the same bound; where it does not, delta debugging finds the reductions to take back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from archtrace.capture.program import NodeKind, Program


class LargestUsed(NamedTuple):
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

#: Names of integers that are no sizes.
_NO_SIZES = re.compile(r"(_token_id|_id|_ids|num_labels|seed|version)$")


def integers(config: Any, prefix: str = "") -> Iterator[tuple[str, int]]:
    """The integers of a config that may be sizes, by field; those of sub-configs by dotted field."""
    for name, value in vars(config).items():
        if name.startswith("_") or _NO_SIZES.search(name) or isinstance(value, bool):
            continue
        if isinstance(value, int) and value > 1:
            yield prefix + name, value
        elif hasattr(value, "to_diff_dict"):
            yield from integers(value, f"{prefix}{name}.")


def smaller_values(value: int) -> list[int]:
    """The values to try for an integer, smallest first: its halves, which keep its divisors, and 2."""
    return sorted(v for v in {value >> k for k in HALVINGS} | {2} if 2 <= v < value)


def floor_of(value: int, used: LargestUsed) -> int:
    """The least value for an integer: one above every id in use stays so, as it may be the number of ids, and likewise
    one above every position. Never below 2: a norm over two features is only a sign."""
    return next((bound + 1 for bound in (used.ids, used.positions) if value > bound), 2)


def unnumbered(path: str) -> str:
    """A module's path without the numbers of its layers."""
    return re.sub(r"\d+", "*", path)


def skeleton(program: Program) -> frozenset[tuple[str, str, int]]:
    """The kinds of ops of a program: op, module without layer numbers, source line."""
    return frozenset((n.op, unnumbered(n.module), n.line) for n in program.nodes if n.kind is NodeKind.OP)


class ModelSize(NamedTuple):
    """How large a model is: its modules (each is traced), the elements of its parameters (each is computed), and the
    kinds of modules that it has, by path without numbers."""

    modules: int
    parameters: int
    kinds: frozenset[str] = frozenset()


#: The size of a model under overrides; None where it does not build.
Measure: TypeAlias = Callable[[Overrides], ModelSize | None]
#: Whether graph and bound of a model under overrides stay what they were.
Keeps: TypeAlias = Callable[[Overrides], bool]


#: From overrides to the same with the fields that the config derives from them; None where the config refuses them.
Couple: TypeAlias = Callable[[Overrides], Overrides | None]


def shrink(config: Any, size: Measure, keeps: Keeps, used: LargestUsed, couple: Couple) -> Overrides:
    """Overrides that make the model of a config small.

    `used` is what the layouts need. First each integer is reduced by itself, which leaves widths of heads as they are;
    where that does not keep graph and bound, each with the fields that are derived from it.
    """
    sizes = dict(integers(config))
    # Most models run with each field reduced by itself; only the others cost a search.
    separate = steps(sizes, size, used, dict)
    if keeps(separate):
        return separate
    # A width that the constructor derives from another one follows it, and is not reduced by itself.
    free = {name: value for name, value in sizes.items() if name not in derived(sizes, couple)}
    combined = couple(steps(free, size, used, couple))
    if combined and combined != separate and keeps(combined):
        return combined
    return _largest_kept(sizes, size, keeps, used, separate)


def _largest_kept(
    sizes: Mapping[str, int], size: Measure, keeps: Keeps, used: LargestUsed, separate: Overrides
) -> Overrides:
    """As many reductions as keep graph and bound, each together with its twins."""
    twins = twins_of(sizes)

    def paired(overrides: Overrides) -> Overrides:
        return overrides | {twin: value for name, value in overrides.items() for twin in twins.get(name, ())}

    later_twins = {name for names in twins.values() for name in names}
    firsts = {name: value for name, value in sizes.items() if name not in later_twins}
    reductions = steps(firsts, size, used, paired) if twins else separate
    return paired(settle({}, list(reductions.items()), lambda overrides: keeps(paired(overrides)), dict(sizes)))


def twins_of(sizes: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
    """Fields of one name and value in several configs inside a config, by the first: an encoder's width is the
    decoder's, and both count the same ids."""
    names_by_size: dict[tuple[str, int], list[str]] = {}
    for name, value in sizes.items():
        names_by_size.setdefault((name.rpartition(".")[2], value), []).append(name)
    return {names[0]: tuple(names[1:]) for names in names_by_size.values() if len(names) > 1}


def derived(sizes: Mapping[str, int], couple: Couple) -> frozenset[str]:
    """The fields that change with another one: a head's width, where it is the quotient of two."""
    halved = ((name, couple({name: value // 2})) for name, value in sizes.items() if value > 3)
    return frozenset(field for name, overrides in halved for field in overrides or () if field != name)


def steps(sizes: Mapping[str, int], size: Measure, used: LargestUsed, couple: Couple) -> Overrides:
    """Each integer in turn at the smallest value at which the model still builds, and becomes no larger.

    Integers that count modules come first, after which everything else is cheap.
    """
    reductions: Overrides = {}
    current = size(reductions)
    for name, value in sorted(sizes.items(), key=_likely_depth):
        for smaller in smaller_values(value):
            trial = couple(reductions | {name: smaller})
            measured = None if trial is None else size(trial)
            if measured is not None and current is not None and smaller < floor_of(value, used):
                measured = measured if measured.modules < current.modules else None
            if measured is not None and current is not None and _no_larger(measured, current):
                if measured != current:
                    reductions, current = reductions | {name: smaller}, measured
                elif value <= _LARGEST_COUNT:
                    reductions = reductions | {name: smaller}
                break
    return reductions


#: Counts (of heads, of groups) that change no size by themselves, but of which a width may have to be a multiple.
_LARGEST_COUNT = 128


def _no_larger(measured: ModelSize, current: ModelSize) -> bool:
    return (
        measured.kinds == current.kinds
        and measured.modules <= current.modules
        and measured.parameters <= current.parameters
    )


def _likely_depth(entry: tuple[str, int]) -> tuple[bool, bool]:
    """Numbers of layers first, then other small numbers (heads), then widths: only the order depends on it."""
    name, value = entry
    return not re.search(r"layer|depth|block", name), value > _LARGEST_COUNT


def settle(settled: Overrides, pending: list[tuple[str, int]], keeps: Keeps, original: Overrides) -> Overrides:
    """The settled reductions with as many of the pending ones as keep graph and bound (delta debugging).

    A single one that does not is taken back in part: its integer is doubled, up to the original value.
    """
    if not pending or keeps(settled | dict(pending)):
        return settled | dict(pending)
    if len(pending) == 1:
        ((name, value),) = pending
        return settle(settled, [(name, 2 * value)], keeps, original) if 2 * value < original[name] else settled
    # Reductions that do not hold together may hold in halves.
    middle = len(pending) // 2
    return settle(settle(settled, pending[:middle], keeps, original), pending[middle:], keeps, original)


def apply(arguments: Mapping[str, Any], overrides: Overrides) -> dict[str, Any]:
    """A config's arguments with overrides; a list as long as an overridden integer is cut with it."""
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
