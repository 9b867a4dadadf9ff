"""The recorder: sees every op of one eager run, runs it, and records it as a node.

It stands before autograd, so that composite ops (linear, layer_norm, lstm, attention) stay whole; one without a rule
is decomposed. Under vmap it records one level below, where tensors have all their axes.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TypeAlias, cast

import torch
from torch._ops import HigherOrderOperator
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch._subclasses.schema_check_mode import SchemaCheckMode
from torch.utils._python_dispatch import TorchDispatchMode

from archtrace.capture.autocast import is_autocast, is_converted
from archtrace.capture.call_sites import lines_here
from archtrace.capture.decisions import Decision, DecisionRecorder, decision
from archtrace.capture.execute import Execution
from archtrace.capture.higher import run_eagerly
from archtrace.capture.inplace import Returning, reshaping, returning, written_arguments
from archtrace.capture.memory import Memory, ViewOf, WriteInto
from archtrace.capture.nested import Args, Kwargs, mapped_arguments, tensors_in
from archtrace.capture.program import (
    Argument,
    ModulePath,
    Node,
    NodeKind,
    Op,
    Operation,
    Ref,
    Results,
    bound_arguments,
    name_of,
)
from archtrace.capture.scalars import Scalars
from archtrace.capture.shapes import Known
from archtrace.capture.tracked_ids import NumpyArray, TrackedIds
from archtrace.errors import CaptureError
from archtrace.ops import CHECKS, DROPOUTS, KEEP_IDS

#: The types of numbers that parameters decide.
_DTYPES: Mapping[type, torch.dtype] = {
    torch.SymInt: torch.int64,
    torch.SymFloat: torch.float64,
    torch.SymBool: torch.bool,
}
#: Constants of fewer elements are copied, so that what the model writes later does not change them.
_SMALL = 2**22

#: Kind and name of what a module holds, by identity.
Names: TypeAlias = Mapping[int, tuple[NodeKind, str]]
#: Tells whether an op has a rule, and so need not be taken apart.
Ruled: TypeAlias = Callable[[Op], bool]


class Recorder(SchemaCheckMode):  # type: ignore[no-untyped-call]
    """Records a run. torch lets modes of three classes stand before autograd; this is the lightest of them.

    `names`: kind and name of each parameter and buffer; `fakes`: what stands for a tensor without values. Both by
    identity. `shapes`: what ops returned in other runs. `ids`: the input that Python gets as tracked ids.
    """

    supports_higher_order_operators = True

    def __init__(
        self,
        mode: FakeTensorMode,
        names: Names,
        fakes: Mapping[int, torch.Tensor],
        ruled: Ruled,
        shapes: Known | None = None,
        ids: str = "",
    ) -> None:
        super().__init__()
        self._dispatch_key = torch._C.DispatchKey.PreDispatch
        self.nodes: list[Node] = []
        self.decisions: list[int] = []
        self.constants: dict[str, torch.Tensor] = {}
        self.modules: list[ModulePath] = []
        self._counts: Counter[str] = Counter()
        self.outermost: FrameType | None = None
        self.watch = DecisionRecorder(self._values_taken, self._size_taken, self._tracked)
        self._tokens, self.tracks_ids = ids, False
        self._names, self._fakes, self._ruled = names, fakes, ruled
        self._unregistered_fakes: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self._memory = Memory(lambda op, args: self._emit(op, args, {}, None))
        self._scalars = Scalars(lambda op, args, kwargs: self._emit(op, args, kwargs, None))
        self.execution = Execution(mode, self._memory, self._scalars, shapes)

    # -- values ---------------------------------------------------------------------------------------------------

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Record what is run inside, and what Python takes out of tensors meanwhile."""
        with self.watch, self:
            yield

    def add_source(self, kind: NodeKind, name: str, tensor: torch.Tensor) -> None:
        """A node for a tensor that exists before the run: an input, a parameter, or a buffer."""
        self._memory.define(tensor, self._append(kind, name, (), {}, tensor))
        if not isinstance(tensor, FakeTensor):
            self.execution.outside(tensor)

    def read(self, value: object) -> object:
        """An argument as the program has it: a reference where a node holds it, else the plain value."""
        if isinstance(value, torch.SymInt | torch.SymFloat | torch.SymBool):
            return self._scalars.argument(value)
        return self.node_of(value) if isinstance(value, torch.Tensor) else value

    def node_of(self, tensor: torch.Tensor) -> Ref:
        """The node that holds what a tensor shows now."""
        if not self._memory.knows(tensor):
            self._constant(tensor)
        return self._memory.read(tensor)

    def _constant(self, tensor: torch.Tensor) -> None:
        """A tensor that the code holds: a parameter or buffer by its name, or a constant."""
        # Not every tensor is an attribute of a module: code holds constants in lists, closures, globals.
        kind, name = self._names.get(id(tensor)) or (NodeKind.BUFFER, f"_constant_{len(self.nodes)}")
        if not isinstance(tensor, FakeTensor):
            self.constants[name] = tensor.detach().clone() if tensor.numel() < _SMALL else tensor.detach()
        self.add_source(kind, name, tensor)

    # -- one op ---------------------------------------------------------------------------------------------------

    def __torch_dispatch__(
        self, func: Op | HigherOrderOperator, types: Sequence[type], args: Args = (), kwargs: Kwargs | None = None
    ) -> object:
        with self.watch.paused():
            # Inside vmap the tensors here lack an axis; one level below they have it.
            if torch._C._functorch.peek_interpreter_stack() is not None:
                return self.below(func, args, kwargs or {})
            if isinstance(func, HigherOrderOperator):
                return run_eagerly(self, func, args, kwargs or {})
            return self.call(func, *mapped_arguments(args, kwargs or {}, self._faked))

    def below(self, func: Operation, args: Args, kwargs: Kwargs) -> object:
        """Under vmap tensors have axes that an op does not see: go on where they have all of them."""
        with Below(self):
            return func(*args, **kwargs)

    def _faked(self, value: object) -> object:
        """The fake that stands for a parameter, wherever the code keeps it; no tensor is made without memory."""
        if isinstance(value, torch.Tensor):
            fake = self._fakes.get(id(value))
            if fake is None and value.requires_grad and value.is_leaf and not isinstance(value, FakeTensor):
                fake = self._unregistered(value)
            return value if fake is None else fake
        return torch.device("cpu") if isinstance(value, torch.device) else value

    def _unregistered(self, tensor: torch.Tensor) -> torch.Tensor:
        """The fake for a parameter that no module knows of, since a list or a closure holds it: it may be trained."""
        if id(tensor) not in self._unregistered_fakes:
            kind, name = self._names.get(id(tensor), (NodeKind.PARAMETER, f"_parameter_{len(self.nodes)}"))
            fake = self.execution.fake(tensor.detach())
            if id(tensor) not in self._names:  # a replay finds by name what the module holds
                self.constants[name] = tensor.detach()
            self.add_source(kind, name, fake)
            self._unregistered_fakes[id(tensor)] = (fake, tensor)
        return self._unregistered_fakes[id(tensor)][0]

    def call(self, func: Op, args: Args, kwargs: Kwargs) -> object:
        """Run one op and write it down."""
        if (same := _inactive(func, args, kwargs)) is not None:
            operands = mapped_arguments(args, kwargs, self.read)
            self._memory.define(same, self._emit(func, *operands, same))
            return same
        if func is torch.ops.prim.device.default:  # how a fake tensor is asked for its device
            return torch.device("cpu")
        if is_autocast(func):
            return self._autocast(func, args, kwargs)
        if not self._ruled(func):
            inner = self._decompose(func, args, kwargs)
            if inner is not NotImplemented:
                return inner
        # Read before the op runs: an op that writes changes what its operands hold.
        operands = mapped_arguments(args, kwargs, self.read)
        result = self.execution.run(func, args, kwargs)
        if func._schema.name not in CHECKS:
            self._record(func, args, kwargs, operands, result)
        return result

    def _autocast(self, func: Op, args: Args, kwargs: Kwargs) -> object:
        """An op whose arguments autocast converts inside its kernel: they are converted first, by ops of their own."""
        dtype = self.execution.dtype(func, args, kwargs)

        def cast(value: object) -> object:
            return self.call(torch.ops.aten.to.dtype, (value, dtype), {}) if is_converted(value, dtype) else value

        with torch.autocast("cpu", enabled=False):
            return self.call(func, *mapped_arguments(args, kwargs, cast))

    def _decompose(self, func: Op, args: Args, kwargs: Kwargs) -> object:
        """A composite op as the ops that it is made of; NotImplemented for any other."""
        # A view is never decomposed: that it shares memory must stay known.
        if func.is_view or not func.has_kernel_for_dispatch_key(torch._C.DispatchKey.CompositeImplicitAutograd):
            return NotImplemented
        with self:
            return func.decompose(*args, **kwargs)

    def _record(self, func: Op, args: Args, kwargs: Kwargs, operands: tuple[Args, Kwargs], result: object) -> None:
        # squeeze_ and its like change how a tensor looks at its memory, and nothing in it.
        if torch.Tag.inplace_view in func.tags and isinstance(args[0], torch.Tensor):
            self._memory.define(args[0], self._emit(reshaping(func), *operands, result))
        elif written_arguments(func):
            self._record_write(func, args, kwargs, operands, result)
        # as_strided counts storage: of a transposed tensor its elements lie elsewhere than their order says.
        elif func._schema.name == "aten::as_strided" and isinstance(result, torch.Tensor):
            self._memory.define(result, self._memory.view(result))
        elif isinstance(result, torch.Tensor):
            self._memory.define(result, self._emit(func, *operands, result))
        elif isinstance(result, list | tuple):
            self._parts(self._emit(func, *operands, result), result)
        else:
            self._number(func, operands, result, args)

    def _parts(self, node: Ref, parts: Sequence[object]) -> None:
        """The items of an op with several results."""
        for position, part in enumerate(parts):
            if isinstance(part, torch.Tensor):
                self._memory.define(part, self._emit(operator.getitem, (node, position), {}, part))

    def _record_write(
        self, func: Op, args: Args, kwargs: Kwargs, operands: tuple[Args, Kwargs], result: object
    ) -> None:
        """An op that writes: the node of what it returns, and the memory into which that goes."""
        bound = bound_arguments(func, args, kwargs)
        targets = [t for name in written_arguments(func) for t in tensors_in(bound.get(name))]
        op = returning(func)
        if not isinstance(op, Returning):
            self._memory.write(targets[0], self._emit(op, *operands, targets[0]))
            return
        # A fused op may write statistics and return its result beside them.
        others = [t for t in tensors_in(result) if all(t is not target for target in targets)]
        node = self._emit(op, *operands, [*targets, *others])
        for position, tensor in enumerate([*targets, *others]):
            item = self._emit(operator.getitem, (node, position), {}, tensor)
            (self._memory.write if position < len(targets) else self._memory.define)(tensor, item)

    def _number(self, func: Op, operands: tuple[Args, Kwargs], result: object, args: Args) -> None:
        """A number, which Python goes on with: one of known tensors is decided, one of unknown ones keeps its node.

        A plain number of unknown tensors tells of their shapes alone.
        """
        tensors = tuple(a for a in args if isinstance(a, torch.Tensor))
        if isinstance(result, torch.SymInt | torch.SymFloat | torch.SymBool):
            self._scalars.item(result, self._emit(func, *operands, result))
        elif result is not None and not any(map(self.execution.is_unknown, tensors)):
            self._decide(decision(tensors), operands[0])

    # -- decisions ------------------------------------------------------------------------------------------------

    def _values_taken(self, tensor: torch.Tensor) -> NumpyArray:
        """Python sees what a tensor holds: an array of it."""
        if self.execution.is_unknown(tensor):
            raise CaptureError("the program takes numbers out of values that parameters decide")
        taken = decision((tensor,))
        self._decide(taken, (self.node_of(tensor),))
        return taken.values[0]

    def _tracked(self, tensor: torch.Tensor) -> TrackedIds | None:
        """Ids that record what Python does with them; None for what are no ids, or not to be tracked."""
        if not self._tokens or tensor.is_floating_point() or self.execution.is_unknown(tensor):
            return None
        if not self._holds_ids(self.node_of(tensor)):
            return None
        self.tracks_ids = True
        return TrackedIds(tensor, self._values_taken)

    def _holds_ids(self, ref: Ref) -> bool:
        """Whether a node is the tokens, or some of them in another place."""
        node = self.nodes[ref.index]
        if node.kind is not NodeKind.OP:
            return bool(node.target == self._tokens)
        moved = node.target is operator.getitem or node.op in KEEP_IDS
        return moved and any(self._holds_ids(Ref(r)) for r in node.refs)

    def _size_taken(self, tensor: torch.Tensor) -> None:
        """Python asks for a size that parameters decide."""
        if isinstance(tensor, FakeTensor) and (sizers := self._scalars.sizers(tensor)):
            self._decide(Decision("size"), tuple(map(self.node_of, sizers)))

    def _decide(self, target: Decision, args: Args) -> None:
        self.decisions.append(self._emit(target, tuple(a for a in args if isinstance(a, Ref)), {}, None).index)

    # -- nodes ----------------------------------------------------------------------------------------------------

    def _emit(self, op: Operation, args: Args, kwargs: Kwargs, result: object) -> Ref:
        return self._append(NodeKind.OP, op, args, kwargs, result)

    def _append(self, kind: NodeKind, target: Operation | str, args: Args, kwargs: Kwargs, result: object) -> Ref:
        many = isinstance(result, list | tuple)
        specs, selected = self._specs(target, args, result), self._selected(result)
        lines = lines_here(self.outermost) if kind is NodeKind.OP else ((), ())
        ref = Ref(len(self.nodes))
        # `read` has replaced each tensor and each symbol by its node: what is left are constants.
        given = cast(tuple[Argument, ...], tuple(args)), cast(dict[str, Argument], dict(kwargs))
        name = self._name(target if isinstance(target, str) else name_of(target).rpartition("::")[2])
        modules = tuple(self.modules)
        self.nodes.append(Node(ref.index, name, kind, target, *given, specs, many, selected, modules, lines))
        return ref

    def _name(self, plain: str) -> str:
        """A name for a node, as fx would give it: `linear`, `linear_1`."""
        plain = plain.replace(".", "_")
        self._counts[plain] += 1
        before = self._counts[plain] - 1
        return f"{plain}_{before}" if before else plain

    def _selected(self, result: object) -> tuple[dict[int, int], ...]:
        selected = [self._scalars.selected(t) if isinstance(t, FakeTensor) else {} for t in tensors_in(result)]
        nodes = ({axis: self.node_of(t).index for axis, t in axes.items()} for axes in selected)
        return tuple(nodes) if any(selected) else ()

    def _specs(self, target: Operation | str, args: Args, result: object) -> Results:
        if isinstance(result, torch.SymInt | torch.SymFloat | torch.SymBool):
            return (((), _DTYPES[type(result)]),)
        if isinstance(target, ViewOf | WriteInto):
            base = self.nodes[args[0].index].results if isinstance(args[0], Ref) else None
            shape = target.own.shape if isinstance(target, ViewOf) else target.base.shape
            return ((shape, base[0][1] if base else torch.float32),)
        return tuple((self._scalars.shape(t), t.dtype) for t in tensors_in(result))


class Below(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The same recorder, below vmap and autograd."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._recorder = recorder

    def __torch_dispatch__(
        self, func: Op, types: Sequence[type], args: Args = (), kwargs: Kwargs | None = None
    ) -> object:
        return self._recorder.call(func, *mapped_arguments(args, kwargs or {}, self._recorder._faked))


def _inactive(func: Op, args: Args, kwargs: Kwargs) -> torch.Tensor | None:
    """The operand of a dropout that is off, which eager torch returns itself (torch's Python form makes a copy)."""
    if func._schema.name not in DROPOUTS:
        return None
    p, train = (*args[1:], *kwargs.values())[:2]
    return args[0] if isinstance(args[0], torch.Tensor) and not (train and p) else None
