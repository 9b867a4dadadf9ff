"""What an op really does: which element of which operand changes which element of which result, found by trying."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import torch

from archtrace.reach.flows import Flow
from archtrace.reach.rules.registry import Call, Operand, Spec, Transfer, apply, invoke, leaves, rebuild
from archtrace.reach.values import Unknown, free

#: The draws for an exact answer, for a look at soundness alone, and beside certain zeros (no zeros of their own).
MANY, FEW, TAME = range(100), range(3), (1, 2, 5)
#: Two results differ when they do by more than rounding.
ROUNDING = 1e-9
#: Ops that look for what is not finite.
NOT_FINITE = {f"aten::{n}" for n in ("isnan", "isinf", "isfinite", "nan_to_num", "nansum", "nanmean", "nanmedian")}


#: For each slot and result: [operand element, result element].
Relation: TypeAlias = dict[tuple[int, int], np.ndarray]


@dataclass(frozen=True, eq=False)
class Case:
    """One call of an op. `unknown` holds the slots of the tensors that may be anything, the rest stay as they are."""

    op: Any
    arguments: dict[str, Any]
    unknown: tuple[int, ...]

    @property
    def name(self) -> str:
        schema = getattr(self.op, "_schema", None)
        return str(schema.name) if schema is not None else str(self.op.__name__)

    @property
    def tensors(self) -> list[torch.Tensor]:
        return [leaf for leaf in leaves(list(self.arguments.values())) if isinstance(leaf, torch.Tensor)]

    @cached_property
    def shapes(self) -> list[torch.Size]:
        """The shapes of the results."""
        return [result.shape for result in self.run({})]

    def run(self, tensors: dict[int, torch.Tensor]) -> list[torch.Tensor]:
        """The results with some tensors replaced."""
        slots = itertools.count()

        def replaced(leaf: Any) -> Any:
            return tensors.get(next(slots), leaf) if isinstance(leaf, torch.Tensor) else leaf

        result = invoke(self.op, {k: rebuild(v, replaced) for k, v in self.arguments.items()})
        return list(result) if isinstance(result, list | tuple) else [result]

    def call(self, pinned: dict[int, np.ndarray] | None = None) -> Call:
        """The call as a rule sees it; `pinned` holds what is certain of some operands."""
        slots = itertools.count()

        def operand(leaf: Any) -> Any:
            if not isinstance(leaf, torch.Tensor):
                return leaf
            slot = next(slots)
            certain = (pinned or {}).get(slot, free(leaf.ndim))
            return Operand(slot, Unknown(tuple(leaf.shape), leaf.dtype, certain)) if slot in self.unknown else leaf

        specs = tuple(Spec(tuple(r.shape), r.dtype) for r in self.run({}))
        return Call(self.op, self.name, {k: rebuild(v, operand) for k, v in self.arguments.items()}, specs)

    def step(self, pinned: dict[int, np.ndarray] | None = None) -> Transfer:
        return apply(self.call(pinned))

    def __repr__(self) -> str:
        shown = rebuild(list(self.arguments.values()), lambda v: list(v.shape) if isinstance(v, torch.Tensor) else v)
        return f"{self.op}({', '.join(map(str, shown))}) unknown {self.unknown}"


def matrix(flow: Flow, source: tuple[int, ...], out: tuple[int, ...]) -> np.ndarray:
    """The relation [operand element, result element] of a flow, which push and pull must agree on."""
    n, m = int(np.prod(source)), int(np.prod(out))
    pushed = np.broadcast_to(flow.push(np.eye(n, dtype=bool).reshape(*source, n)), (*out, n)).reshape(m, n).T
    pulled = np.broadcast_to(flow.pull(np.eye(m, dtype=bool).reshape(*out, m)), (*source, m)).reshape(n, m)
    assert (pushed == pulled).all(), "push and pull are not transposes of each other"
    return pushed


def bound(case: Case, step: Transfer) -> Relation:
    """For each slot and result the relation that the rule claims."""
    results = case.run({})
    found = {
        (slot, r): np.zeros((case.tensors[slot].numel(), result.numel()), dtype=bool)
        for slot in case.unknown
        for r, result in enumerate(results)
    }
    for r, flows in enumerate(step.flows):
        for slot, flow in flows:
            found[slot, r] |= matrix(flow, tuple(case.tensors[slot].shape), tuple(results[r].shape))
    return found


def drawn(like: torch.Tensor, draw: int, random: np.random.Generator, case: Case) -> torch.Tensor:
    """Another tensor of the same shape and type; integers stay within the range of those that were there."""
    shape = tuple(like.shape)
    if like.dtype == torch.bool:
        return torch.from_numpy(np.asarray(random.random(shape) < (0.5, 0.1, 0.9)[draw % 3]))
    if not (like.is_floating_point() or like.is_complex()):
        low, high = (0, 7) if "__" in case.name or "bitwise" in case.name else (int(like.min()), int(like.max()))
        return torch.from_numpy(np.asarray(random.integers(min(low, 0) if low == high else low, high + 1, shape))).to(
            like
        )
    if like.is_complex():
        return torch.complex(*(drawn(like.real, draw, random, case) for _ in range(2))).to(like.dtype)
    pool = np.concatenate([t.detach().numpy().ravel() for t in case.tensors if t.is_floating_point()] or [np.ones(1)])
    pool = pool[np.isfinite(pool)]
    kinds = (
        lambda: random.choice(pool, shape) * (1 + random.normal(size=shape) / 100),
        lambda: random.normal(size=shape) * 2,
        lambda: random.random(shape),
        lambda: random.choice([-1.0, 0.0, 1.0], shape, p=[0.05, 0.9, 0.05]),
        lambda: random.integers(-2, 3, shape),
        lambda: 1 + random.random(shape) * 2,
        lambda: random.normal(size=shape) * 1000,
        lambda: random.choice(pool, shape),
        lambda: random.choice([0.0, 1.0], shape, p=[0.1, 0.9]),
        lambda: random.choice([0.5, -1.5, np.inf, np.nan], shape, p=[0.2, 0.2, 0.3, 0.3]),
    )
    values = kinds[draw % (len(kinds) if case.name in NOT_FINITE else len(kinds) - 1)]()
    return torch.from_numpy(np.asarray(values, dtype=np.float64)).to(like.dtype)


def _changed(before: torch.Tensor, after: torch.Tensor) -> np.ndarray:
    same = (before == after) | (before.isnan() & after.isnan())
    if before.is_floating_point():
        same |= (before - after).abs() <= ROUNDING * (before.abs() + after.abs())
    return ~same.reshape(-1).numpy()


def witness(
    case: Case, claimed: Relation, draws: Iterable[int], pinned: dict[int, np.ndarray] | None = None
) -> Relation:
    """What changing one element at a time changes, over many draws; ends early when all that was claimed is found.

    `pinned` elements keep their certain value and are not changed.
    """
    random, pinned = np.random.default_rng(0), pinned or {}
    found = {key: np.zeros_like(claim) for key, claim in claimed.items()}
    ran = False
    for draw in draws:
        values = {s: pin(drawn(case.tensors[s], draw, random, case), pinned.get(s)) for s in case.unknown}
        before = tried(case, values)
        for slot in case.unknown if before is not None else ():
            other = pin(drawn(case.tensors[slot], draw, random, case), pinned.get(slot))
            _try_each(case, values, slot, other, before, found)
        ran |= before is not None
        if draw > 0 and all((found[k] >= claimed[k]).all() for k in claimed if len(found[k]) > 1):
            break
    assert ran or pinned, f"no draw is within the domain of the op: {case}"
    return found


def tried(case: Case, values: dict[int, torch.Tensor]) -> list[torch.Tensor] | None:
    """The results, or None where the values lie outside the op's domain (a singular matrix, no probability), and
    where results are as many as there are distinct values and there are others: a program has one size."""
    try:
        results = case.run(values)
    except RuntimeError:
        return None
    return results if [r.shape for r in results] == case.shapes else None


def pin(tensor: torch.Tensor, certain: np.ndarray | None) -> torch.Tensor:
    if certain is None:
        return tensor
    fixed = torch.from_numpy(np.broadcast_to(certain, tuple(tensor.shape)).copy())
    return torch.where(fixed.isnan(), tensor, fixed.to(tensor.dtype))


def _try_each(case: Case, values: Any, slot: int, other: torch.Tensor, before: list[torch.Tensor], found: Any) -> None:
    for element in range(other.numel()):
        changed = values[slot].clone(memory_format=torch.contiguous_format)
        changed.view(-1)[element] = other.reshape(-1)[element]
        after = tried(case, {**values, slot: changed})
        for r, (old, new) in enumerate(zip(before, after, strict=True) if after is not None else ()):
            found[slot, r][element] |= _changed(old, new)


def gradients(case: Case) -> Iterator[tuple[int, int, np.ndarray]]:
    """The non-zero entries of the Jacobians by autograd, at one draw: (slot, result, [operand, result element])."""
    random = np.random.default_rng(1)
    slots = [s for s in case.unknown if case.tensors[s].is_floating_point()]
    values = {s: drawn(case.tensors[s], 0, random, case).requires_grad_() for s in slots}
    try:
        results = case.run(values)
    except (RuntimeError, NotImplementedError):
        return
    for r, result in enumerate(results):
        if not result.requires_grad or not result.is_floating_point():
            continue
        entries = {s: np.zeros((values[s].numel(), result.numel()), dtype=bool) for s in slots}
        for element, y in enumerate(result.reshape(-1)):
            try:
                rows = torch.autograd.grad(y, [values[s] for s in slots], retain_graph=True, allow_unused=True)
            except (RuntimeError, NotImplementedError):
                break
            for s, row in zip(slots, rows, strict=True):
                if row is not None:
                    dense = row.to_dense()
                    entries[s][:, element] = ((dense != 0) & ~dense.isnan()).reshape(-1).numpy()
        yield from ((s, r, entry) for s, entry in entries.items())
