"""Build a model whose parameters have shapes and no memory, and whose buffers have their true values.

Structure lives in buffers (position ids, causal masks, relative-position tables), so they are computed as the
constructors say. Parameters never are: factories without values go to the meta device while the model is built, and
become fake CPU tensors for the time of the capture. So do buffers that are only allocated, for a checkpoint to fill.
"""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.symbolic_shapes import ShapeEnv
from torch.overrides import TorchFunctionMode

from archtrace.capture import older_releases
from archtrace.capture.call_sites import frames_outside, place_of
from archtrace.capture.memory import StorageKey, storage_key
from archtrace.capture.model import tables_of, views_of_parameters
from archtrace.capture.nested import Args, Kwargs, tensors_in
from archtrace.capture.preserve import TURN, restored
from archtrace.capture.program import Operation, name_of
from archtrace.capture.shapes import fake_of
from archtrace.errors import ArchtraceError, BuildError, first_line, message
from archtrace.ops import DRAWS_IN_PLACE, plain

#: Constants beyond this many elements stay without values (a 4096 x 4096 causal mask has 16.8 million).
LARGEST_CONSTANT = 2**25

_VALUELESS: set[Operation] = {torch.empty, torch.rand, torch.randn, torch.normal}
_FILLED: set[Operation] = {torch.zeros, torch.ones, torch.full}
#: Draws of which a constructor may take numbers in Python, so that they keep values until it is done.
_DRAWS: set[Operation] = {
    *(torch.randint, torch.randperm, torch.bernoulli, torch.multinomial, torch.poisson),
    *(torch.rand_like, torch.randn_like, torch.randint_like, torch.Tensor.bernoulli, torch.Tensor.multinomial),
    *(getattr(torch.Tensor, name) for name in map(plain, DRAWS_IN_PLACE)),
}


class _Structure(TorchFunctionMode):
    """Sends factories to the meta device where their result has no values, or too many; tracks what is drawn."""

    def __init__(self) -> None:
        super().__init__()
        self._drawn: dict[StorageKey, torch.Tensor] = {}  # kept by storage, so that no other one gets its address

    def __torch_function__(
        self, func: Operation, types: Sequence[type], args: Args = (), kwargs: Kwargs | None = None
    ) -> object:
        kwargs = kwargs or {}
        # torch.zeros has values, but a mask of 4096 x 4096 of them would cost more than the whole trace.
        valueless = func in _VALUELESS or (func in _FILLED and _elements(args) > LARGEST_CONSTANT)
        if valueless and kwargs.get("device") is None:
            kwargs = {**kwargs, "device": "meta"}
        result = func(*args, **kwargs)
        if func in _DRAWS or (self._drawn and any(map(self.is_drawn, tensors_in((args, kwargs))))):
            # What is made of a draw is one too; what a method writes is in its first argument.
            in_place = args[:1] if name_of(func).endswith("_") else ()
            self._drawn |= {storage_key(t): t for t in tensors_in((result, in_place)) if t.layout is torch.strided}
        return result

    def is_drawn(self, tensor: torch.Tensor) -> bool:
        """Whether a tensor holds what was drawn at random."""
        return tensor.layout is torch.strided and not tensor.is_meta and storage_key(tensor) in self._drawn


def _withhold(module: torch.nn.Module, is_drawn: Callable[[torch.Tensor], bool]) -> torch.nn.Module:
    """The module without what its constructor drew: the next one draws other values, a checkpoint holds others."""
    for part in module.modules():
        for table in tables_of(part)[1:]:
            table.update({n: v.to("meta") for n, v in table.items() if isinstance(v, torch.Tensor) and is_drawn(v)})
    return module


def _elements(args: Args) -> int:
    sizes: Sequence[object] = args[0] if args and isinstance(args[0], list | tuple) else args
    return math.prod(s for s in sizes if isinstance(s, int))


@contextmanager
def _uninitialised() -> Iterator[None]:
    """Initialisers do nothing: what has no values needs none, and drawing them would cost minutes.

    Only in this thread: another may be building a model of its own, which wants its weights.
    """
    names = [n for n in dir(torch.nn.init) if n.endswith("_") and not n.startswith("_")]
    initialisers: dict[str, Operation] = {n: getattr(torch.nn.init, n) for n in names}
    with ExitStack() as stack:
        # The library initialises through a module of its own, beside torch's.
        if "transformers" in sys.modules:
            stack.enter_context(older_releases.no_init_weights())
        for name in names:
            setattr(torch.nn.init, name, _skipping(initialisers[name]))
        try:
            yield
        finally:
            for name, function in initialisers.items():
                setattr(torch.nn.init, name, function)


def _skipping(initialiser: Operation) -> Operation:
    """An initialiser that does nothing in this thread, and what it did before in any other."""
    thread = threading.get_ident()

    def initialise(tensor: torch.Tensor, *args: object, **kwargs: object) -> object:
        return tensor if threading.get_ident() == thread else initialiser(tensor, *args, **kwargs)

    return initialise


def build(construct: Callable[[], torch.nn.Module]) -> torch.nn.Module:
    """Construct a module without memory for its parameters, in evaluation mode.

    Raises BuildError with the constructor's own reason and line; an error of ours goes through.
    """
    try:
        with TURN, _Structure() as structure, _uninitialised():
            module = _without_large_memory(construct()).eval()
        return _withhold(module, structure.is_drawn)
    except ArchtraceError:
        raise
    except Exception as error:
        raise _refusal(error) from error


#: Parameters of more elements than this give their memory back.
_LARGE = 2**16


def _without_large_memory(module: torch.nn.Module) -> torch.nn.Module:
    """The module without the memory of its large parameters: one that was filled with zeros has some."""
    fresh: dict[int, torch.nn.Parameter] = {}
    for part in module.modules():
        for name, own in part._parameters.items():
            if own is None or own.is_meta or own.numel() <= _LARGE:
                continue
            # One parameter stays one wherever modules have it, with the attributes that were set on it.
            if id(own) not in fresh:
                fresh[id(own)] = torch.nn.Parameter(own.data.to("meta"), requires_grad=own.requires_grad)
                vars(fresh[id(own)]).update(vars(own))
            part._parameters[name] = fresh[id(own)]
    return module


def _refusal(error: Exception) -> BuildError:
    last = next((frame for frame in reversed(frames_outside(error)) if frame.line), None)
    return BuildError(
        message(
            f"the model cannot be built: {first_line(error)}",
            where=place_of(last),
            why="its constructor raises",
            do="make the constructor run on this config, or trace a live module",
        )
    )


def fake_mode() -> FakeTensorMode:
    """A mode in which tensors have shapes and no memory, and may stand beside real ones."""
    return FakeTensorMode(shape_env=ShapeEnv(), allow_non_fake_inputs=True)


class Weightless(NamedTuple):
    """A module without weights: its buffers and constants that have values, by name, and for each tensor without one
    (by identity) the fake that stands for it."""

    values: dict[str, torch.Tensor]
    fakes: dict[int, torch.Tensor]


@contextmanager
def weightless(module: torch.nn.Module, mode: FakeTensorMode) -> Iterator[Weightless]:
    """Each parameter and each valueless tensor of the module is a fake CPU tensor meanwhile.

    The module comes back as it was, whatever is done with it.
    """
    weights = Weightless({}, {})
    with TURN, restored(module):
        views = set(map(id, views_of_parameters(module)))
        for path, part in module.named_modules():
            for table in tables_of(part):
                for name, tensor in list(table.items()):
                    if not isinstance(tensor, torch.Tensor):
                        continue
                    # A tensor gets one fake wherever modules have it, so that tied weights stay tied.
                    unknown = id(tensor) in views or _valueless(tensor)
                    if unknown or (table is part._buffers and _allocated(part, name, tensor)):
                        if id(tensor) not in weights.fakes:
                            weights.fakes[id(tensor)] = _fake(tensor, mode)
                        table[name] = weights.fakes[id(tensor)]
                    else:
                        # On an accelerator what is known would meet ids, masks and fakes, which are on the CPU.
                        table[name] = weights.values[f"{path}.{name}".lstrip(".")] = tensor.cpu()
        yield weights


def _valueless(tensor: torch.Tensor) -> bool:
    """Parameters, what is computed from them, and what has no memory."""
    return isinstance(tensor, torch.nn.Parameter) or tensor.is_meta or tensor.requires_grad


def _allocated(part: torch.nn.Module, name: str, tensor: torch.Tensor) -> bool:
    """Whether a checkpoint fills a buffer: it is saved in one, and the same value throughout, or one of fractions.

    What a constructor computes differs from element to element. Positions, buckets, triangles and masks are whole
    numbers, or two numbers in all; fractions may as well have been drawn or learned, as in a live module they are.
    A single number may be either: 0 and 1 are what zeros() and ones() allocate.
    """
    if name in part._non_persistent_buffers_set or tensor.numel() == 0:
        return False
    first = tensor.reshape(-1)[0]
    uniform = bool((tensor == first).all())
    return (tensor.numel() > 1 or first.item() in (0, 1)) if uniform else _of_fractions(tensor)


def _of_fractions(tensor: torch.Tensor) -> bool:
    """More than two numbers, and not all of them whole."""
    if not tensor.is_floating_point():
        return False
    least, most = tensor.aminmax()
    between = tensor[(tensor != least) & (tensor != most)]
    return between.numel() > 0 and bool((tensor[tensor.isfinite()].frac() != 0).any())


def _fake(tensor: torch.Tensor, mode: FakeTensorMode) -> torch.Tensor:
    fake = fake_of(mode, tuple(tensor.shape), tensor.stride(), tensor.dtype)
    # What torch.nn.Parameter sets on a tensor of another class, after a detach that would run through the mode.
    fake._is_param = isinstance(tensor, torch.nn.Parameter)
    return fake
