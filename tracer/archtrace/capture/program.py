"""Program: the captured model as a list of nodes in execution order.

Arguments refer to earlier nodes by `Ref`. The program is functional: no node changes what an earlier one made.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from types import CodeType
from typing import NamedTuple, TypeAlias, TypeVar, cast

import torch
from torch._ops import OpOverload

from archtrace.capture.nested import Kwargs, within

Shape: TypeAlias = tuple[int, ...]
#: One overload of an op of torch's, whatever it takes and returns. As text: older releases know it without parameters.
Op: TypeAlias = "OpOverload[..., object]"
#: What an op node calls: an op, or a function that stands for what torch has no op for.
Operation: TypeAlias = Callable[..., object]
#: Shape and type of each tensor of a result.
Results: TypeAlias = tuple[tuple[Shape, torch.dtype], ...]


@dataclass(frozen=True)
class Ref:
    """An argument that is the value of an earlier node."""

    index: int


#: What an op takes beside tensors: numbers, names, and what says how a tensor lies and of what type it is.
Constant: TypeAlias = (
    bool | int | float | complex | str | torch.dtype | torch.device | torch.layout | torch.memory_format | None
)
#: What an op node takes: values of other nodes, constants, a generator, the packed weights of a quantized layer, lists.
Argument: TypeAlias = "Ref | Constant | torch.Generator | torch.ScriptObject | list[Argument] | tuple[Argument, ...]"
#: A type of values that constants and lists of such values are of too.
Filling = TypeVar("Filling")


class NodeKind(Enum):
    """Where a node's value comes from."""

    INPUT = "input"
    PARAMETER = "parameter"
    BUFFER = "buffer"
    OP = "op"


class CallSite(NamedTuple):
    """One line of the Python stack at which an op was called."""

    file: str
    line: int
    function: str


class ModulePath(NamedTuple):
    """A module in whose forward an op was called: its path in the model ("" is the model) and its class."""

    path: str
    type: str


#: A Python stack as it is recorded, outermost first: the code and the line of each frame. Most are never read.
Lines: TypeAlias = tuple[tuple[CodeType, ...], tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class Node:
    """One value of the program.

    `target` is the op, or for other kinds the name of the input, parameter or buffer. `results` holds shape and
    type of each result tensor. `many` says that the value is a sequence. `selected` holds, for each result, the axes
    along which parameters decide how many elements there are, with the node that they look at: such an axis is as long
    as it can be, an element for each element of that node.
    """

    index: int
    name: str
    kind: NodeKind
    target: Operation | str
    args: tuple[Argument, ...] = ()
    kwargs: dict[str, Argument] = field(default_factory=dict)
    results: Results | None = None
    many: bool = False
    selected: tuple[Mapping[int, int], ...] = ()
    modules: tuple[ModulePath, ...] = ()
    lines: Lines = ((), ())

    @cached_property
    def refs(self) -> tuple[int, ...]:
        """The nodes that this one takes, in argument order, repeats included."""
        return tuple(ref.index for ref in within((self.args, self.kwargs), Ref))

    @cached_property
    def frames(self) -> tuple[CallSite, ...]:
        """The Python stack of the call, outermost first; without torch's own lines."""
        return tuple(CallSite(code.co_filename, line, code.co_name) for code, line in zip(*self.lines, strict=True))

    @property
    def operation(self) -> Operation:
        """What an op node calls. TypeError for any other node."""
        if isinstance(self.target, str):
            raise TypeError(f"the {self.kind.value} {self.target} calls nothing")
        return self.target

    @property
    def tensor_name(self) -> str:
        """The name of an input, or of a parameter or buffer in the model. TypeError for an op."""
        if not isinstance(self.target, str):
            raise TypeError(f"{self.name} is an op: no input and no tensor of the model")
        return self.target

    def argument(self, place: int) -> Argument:
        """The argument at a place; None where there is none."""
        return self.args[place] if place < len(self.args) else None

    def operand(self, place: int) -> Ref | None:
        """The argument at a place, where it is the value of a node."""
        value = self.argument(place)
        return value if isinstance(value, Ref) else None

    def number(self, place: int) -> int | None:
        """The argument at a place, where it is a whole number."""
        value = self.argument(place)
        return value if isinstance(value, int) else None

    def several(self, place: int) -> tuple[Argument, ...]:
        """The arguments in the list at a place; none where there is no list."""
        value = self.argument(place)
        return tuple(value) if isinstance(value, list | tuple) else ()

    def numbers(self, place: int) -> tuple[int, ...]:
        """The whole numbers in the list at a place."""
        return tuple(value for value in self.several(place) if isinstance(value, int))

    def arguments_with(self, value_of: Callable[[int], Filling]) -> tuple[list[Filling], dict[str, Filling]]:
        """The arguments by position and by name, with what `value_of` gives of a node in the place of each Ref."""
        named = {name: substitute(value, value_of) for name, value in self.kwargs.items()}
        return [substitute(value, value_of) for value in self.args], named

    @property
    def by_name(self) -> dict[str, Argument]:
        """The arguments by the names of the op's schema; those that are left out are not there."""
        schema = _schema(self.target)
        names = [argument.name for argument in schema.arguments] if schema is not None else []
        return {**dict(zip(names, self.args, strict=False)), **self.kwargs}

    @property
    def line(self) -> int:
        """The innermost line of the call, without its file; 0 where there is none."""
        return self.lines[1][-1] if self.lines[1] else 0

    @property
    def module(self) -> str:
        """The path of the innermost module."""
        return self.modules[-1].path if self.modules else ""

    @cached_property
    def op(self) -> str:
        """The op's plain name, such as "aten::select"; empty for other kinds."""
        return name_of(self.target) if self.kind is NodeKind.OP else ""


def name_of(op: object) -> str:
    """The plain name of an op, or of a function that stands for one."""
    schema = _schema(op)
    return schema.name if schema is not None else str(getattr(op, "__name__", op))


def _schema(op: object) -> torch._C.FunctionSchema | None:
    schema: torch._C.FunctionSchema | None = getattr(op, "_schema", None)
    return schema


def bound_arguments(op: Op, args: Sequence[object], kwargs: Mapping[str, object]) -> Kwargs:
    """The arguments of a call by name."""
    return {**dict(zip((a.name for a in op._schema.arguments), args, strict=False)), **kwargs}


def substitute(value: Argument, value_of: Callable[[int], Filling]) -> Filling:
    """An argument with what `value_of` gives of a node in the place of each Ref."""
    if isinstance(value, Ref):
        return value_of(value.index)
    # No signature can ask of a type that it takes constants and lists of itself: `Filling` is one that does.
    return cast(Filling, [substitute(item, value_of) for item in value] if isinstance(value, list | tuple) else value)


def reachable(starts: Collection[int], onward: Callable[[int], Iterable[int]]) -> set[int]:
    """The nodes to which `onward` leads from some nodes, step by step; those included.

    `program.users.__getitem__` leads on with the data, a node's `refs` lead back.
    """
    # networkx.ancestors and .descendants do the same, for 60 ms of an import that no trace needs otherwise, and on the
    # 500 nodes of BERT in 0.45 ms with making the graph, against 0.15 ms here (networkx 3.6.1).
    met, waiting = set(starts), list(starts)
    while waiting:
        fresh = [node for node in onward(waiting.pop()) if node not in met]
        met.update(fresh)
        waiting += fresh
    return met


@dataclass(frozen=True, eq=False)
class Program:
    """A captured model: its nodes, the one that is the traced output, and the nodes that each module returned.

    `returned`: all floating outputs of the forward, by name. `output_name`: the name of the traced one, "" for its
    logits.

    `tensors` maps a module's path (and "last_hidden_state", "hidden_states[k]" of the backbone) to the nodes that it
    returned, one for each call. `values` holds the buffers whose contents are known, by name.
    """

    nodes: tuple[Node, ...]
    output: int
    tensors: dict[str, tuple[int, ...]]
    values: dict[str, torch.Tensor]
    decisions: tuple[int, ...] = ()
    returned: Mapping[str, int] = field(default_factory=dict)
    output_name: str = ""

    @cached_property
    def inputs(self) -> dict[str, int]:
        """The node of each input, by name."""
        return {n.tensor_name: n.index for n in self.nodes if n.kind is NodeKind.INPUT}

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """The shape of each input, by name."""
        return {n.tensor_name: n.results[0][0] for n in self.nodes if n.kind is NodeKind.INPUT and n.results}

    @cached_property
    def parameters(self) -> dict[str, int]:
        """The node of each parameter, by name."""
        return {n.tensor_name: n.index for n in self.nodes if n.kind is NodeKind.PARAMETER}

    @cached_property
    def paths(self) -> frozenset[str]:
        """The paths of the modules in whose forward an op was called."""
        return frozenset(module.path for node in self.nodes for module in node.modules)

    @cached_property
    def users(self) -> tuple[tuple[int, ...], ...]:
        """For each node, the nodes that take it."""
        # A node that takes a value twice is one user of it.
        users: list[list[int]] = [[] for _ in self.nodes]
        for node in self.nodes:
            for ref in dict.fromkeys(node.refs):
                users[ref].append(node.index)
        return tuple(map(tuple, users))

    def behind(self, nodes: Collection[int]) -> set[int]:
        """The nodes from which a way leads to some nodes; those included."""
        return reachable(nodes, lambda index: self.nodes[index].refs)

    @cached_property
    def ending(self) -> tuple[tuple[int, ...], ...]:
        """For each node, the nodes that nothing takes after it."""
        ended: list[list[int]] = [[] for _ in self.nodes]
        for index, users in enumerate(self.users):
            ended[max(users, default=index)].append(index)
        return tuple(map(tuple, ended))
