"""Ids that Python takes, as numbers that record how they are used.

`ids.tolist().index(eos)` uses one fact about each id: whether it is eos. A comparison with a constant is structure (the
constant is a special id), so that the program holds for all ordinary ids. A plain int would not tell how it is used,
and every id would count as taken. These objects are no ints, so that nobody, C code included, gets their value except
through a method that records it.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeGuard

import numpy as np
import numpy.typing as npt
import torch
from numpy.lib.mixins import NDArrayOperatorsMixin

from archtrace.capture.nested import Args, Kwargs
from archtrace.capture.program import Operation

NumpyArray: TypeAlias = "npt.NDArray[Any]"
#: Records that Python saw all that a known tensor holds, and gives it.
Take: TypeAlias = Callable[[torch.Tensor], NumpyArray]
#: Comparisons with more constants than this do not look for special ids: they go through a vocabulary.
MOST_COMPARED = 16


#: What `tolist` gives of ids: one of them, or nested lists.
Numbers: TypeAlias = "Number | list[Numbers]"


class TrackedIds:
    """Ids as they were when Python took them, and the facts about them that it has used since."""

    def __init__(self, tensor: torch.Tensor, take: Take) -> None:
        self.tensor, self.take = tensor, take
        # The key has the version of the tensor, too: an array shares its memory, and so changes with it.
        self._equal: dict[tuple[int, int], NumpyArray] = {}
        self._values: dict[tuple[int, ...], int] = {}

    def equal(self, constant: int) -> NumpyArray:
        """Where the ids are this one, shape of the ids; a fact of the layout."""
        key = constant, self.tensor._version
        if key not in self._equal:
            few = len(self._equal) < MOST_COMPARED
            self._equal[key] = self.take(self.tensor == constant) if few else self.all() == constant
        return self._equal[key]

    def at(self, index: tuple[int, ...]) -> int:
        """The id at an index; what follows depends on it."""
        if index not in self._values:
            self._values[index] = int(self.take(self.tensor[index]))
        return self._values[index]

    def all(self) -> NumpyArray:
        """All ids; what follows depends on each."""
        return self.take(self.tensor)

    def numbers(self, index: tuple[int, ...] = ()) -> Numbers:
        """What `tolist` gives: nested lists of numbers, or one number."""
        if len(index) == self.tensor.ndim:
            return Number(self, index)
        return [self.numbers((*index, i)) for i in range(self.tensor.shape[len(index)])]


class Number:
    """One id. Whether it equals a constant is a fact of the layout; any other use takes its value."""

    #: numpy leaves comparisons with it to it.
    __array_ufunc__ = None

    def __init__(self, ids: TrackedIds, index: tuple[int, ...]) -> None:
        self.ids, self.index = ids, index

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        # For `isinstance(x, int)`; C code looks at the type itself, and so has to ask for the value.
        return int

    def __index__(self) -> int:
        return self.ids.at(self.index)

    def __eq__(self, other: object) -> bool:
        constant = _constant(other)
        return int(self) == other if constant is None else bool(self.ids.equal(constant)[self.index])

    def __ne__(self, other: object) -> bool:
        equal = self == other  # an array, where the other one is
        return not equal if isinstance(equal, bool) else int(self) != other

    def __bool__(self) -> bool:
        return bool(self != 0)

    def __hash__(self) -> int:
        return hash(int(self))

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> NumpyArray:
        return np.array(int(self), dtype=dtype)

    def __getattr__(self, name: str) -> object:
        # Looking for a protocol that an int lacks takes nothing.
        return getattr(int(self) if hasattr(int, name) else 0, name)

    def __copy__(self) -> Number:
        return self

    def __deepcopy__(self, memo: object) -> Number:
        return self


def _constant(value: object) -> int | None:
    """A plain number that ids are compared with; None for anything else."""
    plain = type(value) is int or isinstance(value, np.integer)
    return operator.index(value) if plain else None  # type: ignore[arg-type]


def _plain(value: object) -> object:
    return int(value) if type(value) is Number else value


def _left(apply: Operation) -> Operation:
    def applied(number: Number, *others: object) -> object:
        return apply(int(number), *map(_plain, others))

    return applied


def _right(apply: Operation) -> Operation:
    def applied(number: Number, other: object) -> object:
        return apply(_plain(other), int(number))

    return applied


_BINARY: dict[str, Operation] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "truediv": operator.truediv, "pow": pow,
    "floordiv": operator.floordiv, "mod": operator.mod, "divmod": divmod, "and": operator.and_, "or": operator.or_,
    "xor": operator.xor, "lshift": operator.lshift, "rshift": operator.rshift,
}  # fmt: skip
_OTHERS: dict[str, Operation] = {
    "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge, "neg": operator.neg,
    "pos": operator.pos, "abs": abs, "invert": operator.invert, "round": round, "trunc": math.trunc,
    "floor": math.floor, "ceil": math.ceil, "float": float, "complex": complex, "repr": repr, "str": str,
    "format": format,
}  # fmt: skip
for _name, _apply in (_BINARY | _OTHERS).items():
    setattr(Number, f"__{_name}__", _left(_apply))
for _name, _apply in _BINARY.items():
    setattr(Number, f"__r{_name}__", _right(_apply))


class Array(NDArrayOperatorsMixin):
    """Ids as numpy has them. Where they equal a constant is a fact of the layout; any other use takes all of them."""

    def __init__(self, ids: TrackedIds) -> None:
        self.ids = ids

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return np.ndarray

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> NumpyArray:
        return self.ids.all().astype(dtype or np.int64)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: object, **kwargs: object) -> object:
        constant = next((c for each in inputs if (c := _constant(each)) is not None), None)
        if method == "__call__" and ufunc in (np.equal, np.not_equal) and constant is not None and not kwargs:
            equal = self.ids.equal(constant)
            return equal if ufunc is np.equal else ~equal
        apply: Operation = getattr(ufunc, method)
        return apply(*map(_values, inputs), **{k: _values(v) for k, v in kwargs.items()})

    def __array_function__(self, function: Operation, types: object, args: Args, kwargs: Kwargs) -> object:
        return function(*map(_values, args), **{k: _values(v) for k, v in kwargs.items()})

    def __getattr__(self, name: str) -> object:
        return getattr(self.ids.all(), name)

    def __getitem__(self, index: Any) -> object:
        if not all(isinstance(i, int | slice) or i is None or i is ... for i in _tuple(index)):
            return self.ids.all()[index]
        part = TrackedIds(self.ids.tensor[index], self.ids.take)
        return Array(part) if part.tensor.ndim else Number(TrackedIds(part.tensor.clone(), part.take), ())

    def __len__(self) -> int:
        return len(self.ids.tensor)

    def __iter__(self) -> Iterator[object]:
        return (self[i] for i in range(len(self)))

    @property
    def shape(self) -> tuple[int, ...]:
        """As numpy's."""
        return tuple(self.ids.tensor.shape)

    @property
    def ndim(self) -> int:
        """As numpy's."""
        return self.ids.tensor.ndim

    @property
    def size(self) -> int:
        """As numpy's."""
        return math.prod(self.shape)

    def copy(self, order: str = "C") -> Array:
        """As numpy's."""
        return Array(TrackedIds(self.ids.tensor.clone(), self.ids.take))

    def tolist(self) -> Numbers:
        """As numpy's."""
        return self.ids.numbers()


def _tuple(index: object) -> tuple[object, ...]:
    return index if isinstance(index, tuple) else (index,)


def _is_nest(value: object) -> TypeGuard[list[object] | tuple[object, ...]]:
    """Whether a value is a list or a tuple, and of no class below these."""
    return type(value) in (list, tuple)


def _values(value: object) -> object:
    """Arrays of ids, within lists too, as what they hold."""
    if _is_nest(value):
        return type(value)(map(_values, value))
    return value.ids.all() if type(value) is Array else value


def tensor_of(data: object) -> torch.Tensor | None:
    """The tensor that torch makes of arrays and nested lists with ids, by ops; None where there are no ids in them.

    What torch would refuse, such as lists of unequal lengths, gives None too, so that torch says so.
    """
    if type(data) is Array:
        return data.ids.tensor
    shape, leaves = _flat(data)
    numbers = [leaf for leaf in leaves if type(leaf) is Number]
    if not numbers or len(leaves) != math.prod(shape):
        return None
    if len(numbers) == len(leaves) and len({id(n.ids) for n in numbers}) == 1 and numbers[0].index:
        axes = tuple(map(torch.tensor, zip(*(n.index for n in numbers), strict=True)))
        return numbers[0].ids.tensor[axes].reshape(shape)
    if not all(isinstance(leaf, int) for leaf in leaves):
        return None
    return torch.stack([_scalar(leaf) for leaf in leaves]).reshape(shape)


def _scalar(leaf: object) -> torch.Tensor:
    return leaf.ids.tensor[leaf.index] if type(leaf) is Number else torch.tensor(leaf)


def _flat(data: object) -> tuple[tuple[int, ...], list[object]]:
    """The shape of nested lists by their first items, and their leaves."""
    if not _is_nest(data):
        return (), [data]
    parts = [_flat(each) for each in data]
    inner = parts[0][0] if parts else ()
    # Unequal lengths are no tensor: a shape that no number of leaves has.
    shape = (len(parts), *inner) if all(part[0] == inner for part in parts) else (-1,)
    return shape, [leaf for _, leaves in parts for leaf in leaves]


#: How Python takes ids, and what it gets in their place.
LENDING: Mapping[Operation, Callable[[TrackedIds], object]] = {
    torch.Tensor.tolist: lambda ids: TrackedIds(ids.tensor.clone(), ids.take).numbers(),
    torch.Tensor.item: lambda ids: TrackedIds(ids.tensor.reshape(()), ids.take).numbers(),
    torch.Tensor.numpy: Array,
}
#: How torch makes tensors of Python's data.
MAKERS: frozenset[Operation] = frozenset({torch.tensor, torch.as_tensor})


def made_of(maker: Operation, data: object, options: Mapping[str, object]) -> torch.Tensor | None:
    """What a maker makes of data with ids in them; None where there are none."""
    tensor = tensor_of(data)
    if tensor is None:
        return None
    # A copy: torch.tensor shares no memory. What as_tensor shares with an array is written by nobody, as arrays of ids
    # cannot be written into.
    dtype = options.get("dtype")
    return tensor.to(dtype, copy=True) if isinstance(dtype, torch.dtype) else tensor.clone()


@contextmanager
def from_numpy() -> Iterator[None]:
    """torch.from_numpy takes these arrays too: it looks at the type, and no mode of torch's hears it."""
    before = torch.from_numpy
    torch.from_numpy = lambda array: before(array) if (t := tensor_of(array)) is None else t  # type: ignore[assignment]
    try:
        yield
    finally:
        torch.from_numpy = before
