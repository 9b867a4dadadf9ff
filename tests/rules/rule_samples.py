"""Samples of ops: torch's own where it has them, and those that it lacks."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any

import torch
from rule_oracle import Case
from torch.testing._internal.common_methods_invocations import op_db

from archtrace.reach.rules.registry import bind, has_rule, invoke

# Convolutions this small spend their time on waking threads.
torch.set_num_threads(1)

#: Of each op so many of torch's samples, none with more elements than this.
SAMPLES, ELEMENTS = 3, 40

#: torch's samples of these are slow, fail, or have results whose shape depends on the data.
OWN_ONLY = {f"aten::{n}" for n in ("one_hot", "batch_norm", "conv1d", "conv_transpose1d", "dropout", "bincount")}


@cache
def opinfos() -> dict[str, list[Any]]:
    """torch's descriptions of its ops, by all the names that they go by."""
    found: dict[str, list[Any]] = defaultdict(list)
    for info in op_db:
        names = {info.name.split(".")[-1], info.name.replace(".", "_"), info.aten_name}
        for name in names | {alias.name.split(".")[-1] for alias in info.aliases}:
            found[name].append(info)
    return found


def overloads(name: str) -> list[Any]:
    """The overloads of an op that return new tensors, and that a rule answers for."""
    packet = getattr(torch.ops.aten, name.removeprefix("aten::"))
    found = [getattr(packet, overload) for overload in packet.overloads()]
    texts = ("Dimname", "Generator", "sublist")
    found = [o for o in found if has_rule(o)]
    return [o for o in found if not o._schema.is_mutable and not any(t in str(o._schema) for t in texts)]


def torch_cases(name: str) -> Iterator[Case]:
    """A few small samples of torch for an op, different from each other in shapes or arguments."""
    seen = set()
    for info in () if name in OWN_ONLY else opinfos().get(name.removeprefix("aten::"), ()):
        dtype = next(d for d in (torch.float64, torch.int64, torch.bool, torch.complex128) if d in info.dtypes)
        torch.manual_seed(0)
        for sample in itertools.islice(info.sample_inputs("cpu", dtype, requires_grad=False), 80):
            case = _resolve(name, (sample.input, *sample.args), sample.kwargs)
            key = None if case is None else repr(case)
            if case is not None and key not in seen and _small(case):
                seen.add(key)
                yield case


def _resolve(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Case | None:
    """The sample as a call of the first overload that takes it."""
    for op in overloads(name):
        arguments = bind(op, args, kwargs)
        names = {a.name for a in op._schema.arguments}
        if len(args) > len(names) or not kwargs.keys() <= names or arguments.keys() != names:
            continue
        try:
            result = invoke(op, arguments)
        except (RuntimeError, TypeError, ValueError, IndexError):
            continue
        results = result if isinstance(result, list | tuple) else [result]
        if results and all(isinstance(r, torch.Tensor) for r in results):
            return Case(op, arguments, ())
    return None


def _small(case: Case) -> bool:
    sizes = [t.numel() for t in case.tensors]
    result = sum(r.numel() for r in case.run({}))
    return bool(sizes) and all(0 < n <= ELEMENTS for n in sizes) and 0 < result <= 4 * ELEMENTS


def spread_out(cases: list[Case]) -> list[Case]:
    """Some of many, from the first to the last."""
    step = max(1, -(-len(cases) // SAMPLES))
    return cases[::step]


def choices(case: Case) -> Iterator[Case]:
    """The same call with all number tensors unknown, and with each of them alone unknown."""
    if case.unknown:
        yield case
        return
    slots = tuple(i for i, t in enumerate(case.tensors) if t.is_floating_point() or t.is_complex())
    slots = slots or tuple(range(len(case.tensors)))
    yield Case(case.op, case.arguments, slots)
    if len(slots) > 1:
        yield from (Case(case.op, case.arguments, (slot,)) for slot in slots[:3])


def floats(*shape: int) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(shape)))


def integers(*rows: Any) -> torch.Tensor:
    return torch.tensor(rows[0] if len(rows) == 1 else rows)


def make(op: Any, *args: Any, unknown: tuple[int, ...] = (), **kwargs: Any) -> Case:
    """A sample by hand: the overload, its arguments, and which tensors are unknown (all numbers if not told)."""
    return Case(op, bind(op, args, kwargs), unknown)


def all_cases(name: str, own: dict[str, list[Case]]) -> list[Case]:
    """Each choice of unknown operands in each sample of an op."""
    short = name.removeprefix("aten::")
    found = [] if "::" in short else spread_out(list(torch_cases(name)))
    return [choice for case in (*own.get(short, ()), *found) for choice in choices(case)]
