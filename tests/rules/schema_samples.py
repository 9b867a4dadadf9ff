"""Samples made from the schema of an overload, for those that torch's own samples and the hand-made ones leave out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cache
from typing import Any

import torch
from rule_oracle import Case
from rule_samples import floats, integers, make

#: Tensors for the tensor arguments of a call, in order; tried from the first to the last.
TENSORS: tuple[tuple[torch.Tensor, ...], ...] = (
    (floats(2, 3), floats(3, 2).T.contiguous(), floats(3)),
    (integers([3, 0, 1], [2, 5, 7]), integers([1, 2, 0], [0, 1, 2])),
    (floats(2, 3), integers([0], [1]), floats(2, 1)),
    (floats(2, 3), torch.tensor(1), floats()),
    (floats(2, 3), floats().abs() / 9),
    (floats(4).sort().values, floats(4)),
    (floats(2, 3), integers([1, 2])),
)
#: Values of the other arguments by type, then by name; the first that runs is taken.
BY_TYPE: dict[str, tuple[Any, ...]] = {
    "number": (2, 0.5), "int": (0, 1), "SymInt": (1,), "bool": (False, True), "List[int]": ([1], [1, 1], [1, 2]),
    "List[SymInt]": ([1], [1, 2]), "ScalarType": (torch.float64, torch.float32), "Device": (torch.device("cpu"),),
    "Layout": (torch.strided,), "str": ("floor",), "float": (1.5,), "MemoryFormat": (torch.preserve_format,),
}  # fmt: skip
BY_NAME: dict[str, tuple[Any, ...]] = {
    "dim": (1, [1]),
    "destination": (1,),
    "accumulate": (False,),
    "dtype": (torch.float64, 7),
}


def ruled_overload(op: Any) -> bool:
    """True for an overload that may be asked of: it takes a tensor, returns tensors, new ones, and draws nothing.

    Those of TorchScript (numbers alone, names of axes, dictionaries) are none.
    """
    schema = op._schema
    takes = any("Tensor" in str(a.type) and "Dict" not in str(a.type) for a in schema.arguments)
    gives = bool(schema.returns) and all("Tensor" in str(r.type) for r in schema.returns)
    others = ("Dimname", "Generator", "sublist")
    return takes and gives and not schema.is_mutable and not any(t in str(schema) for t in others)


def _options(argument: Any, optional: bool) -> tuple[Any, ...]:
    kind = str(argument.real_type)
    if kind.startswith("Optional["):
        if not optional:
            return (None,)
        kind = kind.removeprefix("Optional[").removesuffix("]")
    elif argument.has_default_value() and not optional:
        return (argument.default_value,)
    if argument.name in BY_NAME:
        return BY_NAME[argument.name]
    return BY_TYPE.get(kind, (None,))


@cache
def by_schema(op: Any) -> tuple[Case, ...]:
    """Up to two calls of an overload: its optional arguments absent, and present."""
    found = (next(_running(op, optional), None) for optional in (False, True))
    return tuple({repr(case): case for case in found if case is not None}.values())


def _running(op: Any, optional: bool) -> Iterator[Case]:
    for tensors in TENSORS:
        supply = itertools.cycle(tensors)
        options = [
            (next(supply),) if kind in ("Tensor", "Optional[Tensor]") else ([next(supply), next(supply)],)
            if kind == "List[Tensor]" else _options(a, optional)
            for a in op._schema.arguments for kind in [str(a.real_type)]
        ]  # fmt: skip
        for values in itertools.islice(itertools.product(*options), 40):
            case = make(op, **{a.name: v for a, v in zip(op._schema.arguments, values, strict=True)})
            if runs(case):
                yield case


def runs(case: Case) -> bool:
    """True where the op takes the arguments, and gives elements."""
    try:
        return any(result.numel() for result in case.run({}))
    except (RuntimeError, TypeError, ValueError, IndexError, AttributeError):
        return False
