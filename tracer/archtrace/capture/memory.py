"""Memory: which node holds what a tensor shows now, though views share storage and ops write into it.

The recorded program is functional, the model's own run is not. A storage has one *root*, the node that holds all of
its contents. A write makes a new root, and a tensor that looks into the same storage is read anew, element by
element, the next time that it is used. So whatever eager torch takes for an alias is one here: a chunk, a transposed
view, what dropout returns in evaluation mode.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from archtrace.capture.nested import Args
from archtrace.capture.program import Operation, Ref, Shape
from archtrace.errors import CaptureError

Places: TypeAlias = npt.NDArray[np.int64]


class Geometry(NamedTuple):
    """Where a tensor's elements lie in its storage: element (i, j) at offset + i * stride[0] + j * stride[1]."""

    shape: Shape
    stride: tuple[int, ...]
    offset: int

    def places(self) -> Places:
        """The storage index of each element, of the tensor's shape."""
        steps = (np.arange(n) * s for n, s in zip(self.shape, self.stride, strict=True))
        # Outer sum: an index along each axis, times its stride.
        grid = np.ix_(*steps) if self.shape else ()
        return np.asarray(sum(grid, np.zeros(self.shape, dtype=np.int64)) + self.offset)


@lru_cache(maxsize=256)  # a layer's windows are those of every layer, in every run
def _within(base: Geometry, own: Geometry) -> torch.Tensor:
    """For each element of `own`, flat, its row-major number in `base`. CaptureError where base lacks one."""
    places = base.places().ravel()
    # A base has each place once (no op makes another that is written), so a sorted look-up finds the one element that
    # lies where each element of `own` does.
    order = np.argsort(places, kind="stable")
    wanted = own.places().ravel()
    numbers = (
        order[np.minimum(np.searchsorted(places[order], wanted), max(len(order) - 1, 0))] if len(order) else wanted
    )
    if len(wanted) and (not len(order) or (places[numbers] != wanted).any()):
        raise CaptureError("a tensor looks into memory of which another part was written")
    return torch.from_numpy(numbers)


@lru_cache(maxsize=256)
def _strided(base: Geometry, own: Geometry) -> bool:
    """True where `own` is a strided box within a contiguous base, each element once: torch needs no index for it."""
    # Without the last axes an index runs in steps that are longer than all that the last ones span.
    span = 0
    for size, stride in sorted(zip(own.shape, own.stride, strict=True), key=lambda axis: axis[1]):
        if size > 1 and stride <= span:
            return False
        span += (size - 1) * stride
    elements = math.prod(base.shape)
    contiguous = all(
        n == 1 or s == math.prod(base.shape[axis + 1 :])
        for axis, (n, s) in enumerate(zip(base.shape, base.stride, strict=True))
    )
    return contiguous and base.offset == 0 and math.prod(own.shape) > 0 and own.offset + span < elements


@dataclass(frozen=True)
class ViewOf:
    """The elements of a base that lie where another tensor looks into the same storage."""

    base: Geometry
    own: Geometry
    __name__ = "archtrace::view_of"

    def __call__(self, base: torch.Tensor) -> torch.Tensor:
        if _strided(self.base, self.own):
            flat = base.reshape(-1).contiguous()
            return flat.as_strided(self.own.shape, self.own.stride, self.own.offset + flat.storage_offset()).clone()
        return base.reshape(-1)[_within(self.base, self.own)].reshape(self.own.shape)


@dataclass(frozen=True)
class WriteInto:
    """A base with the elements that another tensor shows of it replaced by those of `src`."""

    base: Geometry
    own: Geometry
    __name__ = "archtrace::write_into"

    def __call__(self, base: torch.Tensor, src: torch.Tensor) -> torch.Tensor:
        if _strided(self.base, self.own):
            whole = base.reshape(self.base.shape).clone(memory_format=torch.contiguous_format)
            whole.as_strided(self.own.shape, self.own.stride, self.own.offset).copy_(src)
            return whole
        places = (_within(self.base, self.own),)
        flat = src.to(base.dtype).expand(self.own.shape).reshape(-1)
        return base.reshape(-1).index_put(places, flat).reshape(self.base.shape)


@dataclass(eq=False)
class Storage:
    """One storage: the node that holds its contents, that node's geometry, and how often it was written."""

    root: Ref
    geometry: Geometry | None
    itemsize: int
    writes: int = 0
    unknown: bool = False


class Handle(NamedTuple):
    """A tensor object: its node, its storage, and how often that had been written when the node was made."""

    node: Ref
    storage: Storage
    writes: int


#: Adds a node to the program: op and arguments.
Emit: TypeAlias = Callable[[Operation, Args], Ref]
#: Identifies a storage: its address, or "alone" and the id of a tensor that has none.
StorageKey: TypeAlias = int | tuple[str, int]


@dataclass(eq=False)
class Memory:
    """All tensors of one run, by identity; they are kept alive, so that no identity comes twice."""

    emit: Emit
    _handles: dict[int, Handle] = field(default_factory=dict)
    _storages: dict[StorageKey, Storage] = field(default_factory=dict)
    _alive: list[torch.Tensor] = field(default_factory=list)

    def define(self, tensor: torch.Tensor, node: Ref) -> None:
        """A tensor is the value of a node: in a new storage, or in a known one, as a view is."""
        # A known storage makes the tensor a view: its node is what it showed when it was made, and
        # its root stays what all of the storage holds.
        key = storage_key(tensor)
        storage = self._storages.get(key)
        if storage is None:
            storage = self._storages[key] = Storage(node, geometry_of(tensor), tensor.element_size())
        self._handles[id(tensor)] = Handle(node, storage, storage.writes)
        self._alive.append(tensor)

    def knows(self, tensor: torch.Tensor) -> bool:
        """Whether a tensor is known, or its storage."""
        return id(tensor) in self._handles or storage_key(tensor) in self._storages

    def read(self, tensor: torch.Tensor) -> Ref:
        """The node that holds what a known tensor shows now."""
        handle = self._handles.get(id(tensor))
        # Nothing was written since: the node still holds what the tensor shows.
        if handle is not None and handle.writes == handle.storage.writes:
            return handle.node
        # A tensor that no recorded op made (`x.data`, what an autograd function passes on) shares its storage.
        storage = handle.storage if handle is not None else self._storages[storage_key(tensor)]
        node = self._shown(tensor, storage)
        self._handles[id(tensor)] = Handle(node, storage, storage.writes)
        self._alive.append(tensor)
        return node

    def _shown(self, tensor: torch.Tensor, storage: Storage) -> Ref:
        own = geometry_of(tensor)
        if own == storage.geometry:
            return storage.root
        return self.emit(ViewOf(*self._geometries(tensor, storage)), (storage.root,))

    def _geometries(self, tensor: torch.Tensor, storage: Storage) -> tuple[Geometry, Geometry]:
        own = geometry_of(tensor)
        # bfloat16 written through an int16 view: elements of the one are no elements of the other.
        if own is None or storage.geometry is None or tensor.element_size() != storage.itemsize:
            raise CaptureError("memory is written through a tensor whose elements cannot be told apart")
        return storage.geometry, own

    def write(self, tensor: torch.Tensor, value: Ref) -> None:
        """All elements of a tensor are now those of a node: its storage has a new root."""
        storage = self._storages[storage_key(tensor)]
        if geometry_of(tensor) == storage.geometry:
            storage.root = value
        else:
            storage.root = self.emit(WriteInto(*self._geometries(tensor, storage)), (storage.root, value))
        storage.writes += 1
        self._handles[id(tensor)] = Handle(value, storage, storage.writes)
        self._alive.append(tensor)

    def view(self, tensor: torch.Tensor) -> Ref:
        """The node of a tensor as its storage has it, whatever op made it: as_strided counts storage, not elements."""
        return self._shown(tensor, self._storages[storage_key(tensor)])

    def alias(self, tensor: torch.Tensor, other: torch.Tensor) -> None:
        """Two tensors stand for one memory: a real one, and the fake one that is run in its place."""
        storage = self._storages.get(storage_key(other))
        if storage is not None:
            self._storages.setdefault(storage_key(tensor), storage)
            self._alive.append(tensor)

    def storage(self, tensor: torch.Tensor) -> Storage | None:
        """The storage that a tensor looks into, where that is known."""
        handle = self._handles.get(id(tensor))
        return handle.storage if handle is not None else self._storages.get(storage_key(tensor))


def storage_key(tensor: torch.Tensor) -> StorageKey:
    """What identifies the storage of a tensor; one without storage (sparse, batched) has a key of its own."""
    try:
        number: int = tensor.untyped_storage()._cdata
        return number
    except (NotImplementedError, RuntimeError):
        return ("alone", id(tensor))


def geometry_of(tensor: torch.Tensor) -> Geometry | None:
    """A tensor's geometry; None where a size is not known, or there are no strides."""
    try:
        numbers = (*tensor.shape, *tensor.stride(), tensor.storage_offset())
    except (NotImplementedError, RuntimeError):
        return None
    if any(not isinstance(n, int) for n in numbers):
        return None
    return Geometry(tuple(tensor.shape), tuple(tensor.stride()), int(tensor.storage_offset()))
