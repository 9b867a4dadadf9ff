"""Program: the captured model as a list of nodes in execution order.

Arguments refer to earlier nodes by `Ref`. The program is functional: no node changes what an earlier one made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from types import CodeType
from typing import Any, NamedTuple, TypeAlias

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
    target: Any
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
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

    def operand(self, place: int) -> Ref | None:
        """The argument at a place, where it is the value of a node."""
        value: object = self.args[place] if place < len(self.args) else None
        return value if isinstance(value, Ref) else None

    def number(self, place: int) -> int | None:
        """The argument at a place, where it is a whole number."""
        value: object = self.args[place] if place < len(self.args) else None
        return value if isinstance(value, int) else None

    def several(self, place: int) -> tuple[object, ...]:
        """The arguments in the list at a place; none where there is no list."""
        value: object = self.args[place] if place < len(self.args) else None
        return tuple(value) if isinstance(value, list | tuple) else ()

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
    schema: torch._C.FunctionSchema | None = getattr(op, "_schema", None)
    return schema.name if schema is not None else str(getattr(op, "__name__", op))


def bound_arguments(op: Op, args: Sequence[object], kwargs: Mapping[str, object]) -> Kwargs:
    """The arguments of a call by name."""
    return {**dict(zip((a.name for a in op._schema.arguments), args, strict=False)), **kwargs}


def substitute(value: object, replace: Callable[[int], object]) -> Any:
    """Arguments with each Ref replaced by what `replace` gives for its node."""
    if isinstance(value, Ref):
        return replace(value.index)
    if isinstance(value, slice):
        parts: list[object] = [value.start, value.stop, value.step]
        return slice(*(substitute(part, replace) for part in parts))
    if isinstance(value, list | tuple):
        return [substitute(item, replace) for item in value]
    if isinstance(value, dict):
        return {k: substitute(v, replace) for k, v in value.items()}
    return value


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
        return {str(n.target): n.index for n in self.nodes if n.kind is NodeKind.INPUT}

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """The shape of each input, by name."""
        return {str(n.target): n.results[0][0] for n in self.nodes if n.kind is NodeKind.INPUT and n.results}

    @cached_property
    def parameters(self) -> dict[str, int]:
        """The node of each parameter, by name."""
        return {str(n.target): n.index for n in self.nodes if n.kind is NodeKind.PARAMETER}

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

    @cached_property
    def ending(self) -> tuple[tuple[int, ...], ...]:
        """For each node, the nodes that nothing takes after it."""
        ended: list[list[int]] = [[] for _ in self.nodes]
        for index, users in enumerate(self.users):
            ended[max(users, default=index)].append(index)
        return tuple(map(tuple, ended))
