"""Running one op of the model: for real where all operands are known, on fakes where one is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import lru_cache
from typing import TypeAlias

import torch
from torch._ops import OpOverload
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode, disable_fake_tensor_cache

from archtrace.capture.inplace import written_arguments
from archtrace.capture.memory import Memory, StorageKey, storage_key
from archtrace.capture.nested import Args, Kwargs, mapped, mapped_arguments, tensors_in, within
from archtrace.capture.program import Node, Op, Operation, Ref, bound_arguments
from archtrace.capture.scalars import Scalars
from archtrace.capture.shapes import Known, Shapes
from archtrace.ops import COUNTING, RANGED, SIZED_BY, UNINITIALISED

#: Arguments that turn the drawing of an op off, by a probability of 0 or by False.
_SWITCHES = frozenset({"p", "dropout", "dropout_p", "train", "training"})
#: Place, name and default of such an argument.
_Switch: TypeAlias = tuple[int, str, object]


class Execution:
    """Runs ops. What parameters or random draws have a part in is unknown, as `memory` records."""

    def __init__(self, mode: FakeTensorMode, memory: Memory, scalars: Scalars, shapes: Known | None) -> None:
        self._mode = mode
        self._memory = memory
        self._scalars = scalars
        self._shapes = Shapes(mode, shapes)
        self._backups: dict[StorageKey, tuple[torch.Tensor, torch.Tensor]] = {}
        self._outside: set[StorageKey] = set()

    def outside(self, tensor: torch.Tensor) -> None:
        """Note a tensor from before the run: a write into it is undone at the end."""
        self._outside.add(storage_key(tensor))

    def restore(self) -> None:
        """Give the tensors from before the run their contents back."""
        for tensor, before in self._backups.values():
            tensor.data.copy_(before)

    def is_unknown(self, tensor: torch.Tensor) -> bool:
        """True for fakes, and for memory into which one was written."""
        storage = self._memory.storage(tensor)
        return isinstance(tensor, FakeTensor) or (storage is not None and storage.unknown)

    def run(self, op: Op, args: Args, kwargs: Kwargs) -> object:
        """The op's result."""
        tensors = tensors_in((args, kwargs))
        # A random draw is no one draw: run for real, the layout would seem to know what it cannot.
        if not (undecided(op, args, kwargs) or any(map(self.is_unknown, tensors))):
            self._back_up(op, args)
            return zeroed(op, op(*args, **kwargs))
        self._taint(op, args, kwargs)
        counted = self._counted(op, args, kwargs)
        return self._faked(op, args, kwargs, tensors) if counted is None else counted

    def _faked(self, op: Op, args: Args, kwargs: Kwargs, tensors: list[torch.Tensor]) -> object:
        # From here on nothing has values. Later layers run the ops of the first, whose results are remembered.
        key = self._shapes.key(op, args, kwargs)
        known = self._shapes.known(key, tensors)
        if known is not None:
            return known
        fakes = {id(t): self.fake(t) for t in tensors}
        own = {id(fake): t for t in tensors if (fake := fakes[id(t)]) is not t}
        args, kwargs = mapped_arguments(args, kwargs, lambda v: fakes.get(id(v), v))
        # What torch remembers of fakes it finds by comparing arguments, which packed weights cannot be.
        with self._mode, disable_fake_tensor_cache(self._mode) if _packed(args) else nullcontext():
            result = op(*args, **kwargs)
        self._scalars.sized(result, [t for t in tensors if self.is_unknown(t)])
        self._shapes.remember(key, result, [fakes[id(t)] for t in tensors])
        return mapped(result, lambda v: own.get(id(v), v))

    def dtype(self, op: Op, args: Args, kwargs: Kwargs) -> torch.dtype:
        """The type of an op's (first) result."""
        with self._mode:
            args, kwargs = mapped_arguments(args, kwargs, self._faked_one)
            first, *_ = tensors_in(op(*args, **kwargs))
        return first.dtype

    def _faked_one(self, value: object) -> object:
        return self.fake(value) if isinstance(value, torch.Tensor) else value

    def fake(self, tensor: torch.Tensor) -> torch.Tensor:
        """The fake that is run in a real tensor's place; both stand for one memory."""
        if isinstance(tensor, FakeTensor):
            return tensor
        fake = self._mode.from_tensor(tensor, static_shapes=True)
        self._memory.alias(fake, tensor)
        return fake

    def _counted(self, op: Op, args: Args, kwargs: Kwargs) -> object:
        """The result of an op whose size known values decide, though others are unknown: fakes of the right shape."""
        names = SIZED_BY.get(op._schema.name)
        bound = bound_arguments(op, args, kwargs)
        sizing = [t for name in names or () for t in tensors_in(bound.get(name))]
        masks = any(t.dtype in (torch.bool, torch.uint8) for t in sizing) or op._schema.name != "aten::index"
        if not sizing or not masks or any(map(self.is_unknown, sizing)):
            return None
        # The real op on zeros: fakes have no values, and so no counts; of the result only the shapes are used.
        plain = mapped_arguments(args, kwargs, self._blank)
        results = op(*plain[0], **plain[1])
        if op._schema.name in COUNTING and isinstance(results, tuple):  # the first result is data, the second counts
            return (self._without_values(results[0]), *results[1:])
        return mapped(results, self._without_values)

    def _blank(self, value: object) -> object:
        if not isinstance(value, torch.Tensor) or not self.is_unknown(value):
            return value
        return torch.zeros((), dtype=value.dtype).expand(self._scalars.shape(value))

    def _without_values(self, value: object) -> object:
        if not isinstance(value, torch.Tensor):
            return value
        with self._mode:
            return torch.empty(value.shape, dtype=value.dtype)

    def _taint(self, op: Op, args: Args, kwargs: Kwargs) -> None:
        """A known tensor into which an unknown one is written is unknown from then on."""
        names = written_arguments(op)
        if not names:
            return
        bound = bound_arguments(op, args, kwargs)
        for tensor in (t for name in names for t in tensors_in(bound.get(name))):
            storage = self._memory.storage(tensor)
            if storage is not None:
                storage.unknown = True

    def _back_up(self, op: Op, args: Args) -> None:
        if not written_arguments(op) or not args or not isinstance(args[0], torch.Tensor):
            return
        key = storage_key(args[0])
        if key in self._outside and key not in self._backups:
            # All of the storage: a write through a view is taken back wherever it landed.
            whole = args[0].data.as_strided((args[0].untyped_storage().nbytes() // args[0].element_size(),), (1,), 0)
            self._backups[key] = (whole, whole.clone())


def sizing(node: Node) -> tuple[int, ...]:
    """The nodes whose values decide the size of a node's result: by table, else any that it takes if torch says so."""
    op, names = node.target, SIZED_BY.get(node.op)
    if not isinstance(op, OpOverload) or _given_size(node):
        return ()
    if names is not None:
        arguments = node.by_name
        return tuple(ref.index for name in names for ref in within(arguments.get(name), Ref))
    return node.refs if torch.Tag.dynamic_output_shape in op.tags else ()


def _given_size(node: Node) -> bool:
    """True for counts over a range that the program names: one_hot(ids, 50), bincount(ids, minlength=50)."""
    named: Args = (*node.args[1:], *node.kwargs.values())
    return node.op in RANGED and any(isinstance(n, int) and n > 0 for n in named)


def zeroed(op: Operation, result: object) -> object:
    """A known result, with zeros in place of what it holds by chance."""
    by_chance = isinstance(op, OpOverload) and op._schema.name in UNINITIALISED
    return result.zero_() if by_chance and isinstance(result, torch.Tensor) else result


def undecided(op: Operation, args: Sequence[object], kwargs: Mapping[str, object]) -> bool:
    """True for a call whose result no layout decides: it draws, or takes the packed weights of one checkpoint."""
    return _packed(args) or draws(op, args, kwargs)


def _packed(args: Sequence[object]) -> bool:
    return any(isinstance(a, torch.ScriptObject) for a in args)


def draws(op: Operation, args: Sequence[object], kwargs: Mapping[str, object]) -> bool:
    """True for a call that draws at random: its result is no one draw. Dropout that is off draws nothing."""
    switches = _switches(op)
    if switches is None:
        return False
    given = (kwargs.get(name, args[place] if place < len(args) else default) for place, name, default in switches)
    # A probability may be a tensor too, which turns nothing off.
    return not any(isinstance(value, int | float) and value == 0 for value in given)


@lru_cache(maxsize=4096)
def _switches(op: Operation) -> tuple[_Switch, ...] | None:
    """The arguments that can turn drawing off; None for an op that never draws."""
    if not isinstance(op, OpOverload) or torch.Tag.nondeterministic_seeded not in op.tags:
        return None
    switches = ((place, a) for place, a in enumerate(op._schema.arguments) if a.name in _SWITCHES)
    return tuple((place, a.name, a.default_value if a.has_default_value() else None) for place, a in switches)
