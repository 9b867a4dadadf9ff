"""In-place writes become new values, views included.

An op that writes is replaced by its twin that returns (`add_` by `add`). Where the written tensor is a view, the tensor
that it looks into is rewritten too (`WriteView`), and views that were made before are made anew when next read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import fx

from archtrace.errors import CaptureError


@dataclass(frozen=True)
class WriteView:
    """`base` with the part that a chain of view ops shows replaced by `src`; `links` holds each op's arguments."""

    chain: tuple[Any, ...]
    __name__ = "archtrace::write_view"

    def __call__(self, base: torch.Tensor, src: torch.Tensor, links: list[list[Any]]) -> torch.Tensor:
        written = base.clone(memory_format=torch.contiguous_format)
        view: Any = written
        for op, args in zip(self.chain, links, strict=True):
            view = op(view, *args)
        view.copy_(src)
        return written


def writes(target: Any) -> bool:
    """True for an op that changes an argument."""
    schema = getattr(target, "_schema", None)
    return schema is not None and bool(schema.is_mutable)


def returning(op: Any) -> Any:
    """The op that returns what this in-place one would write. CaptureError when there is none."""
    name = op._schema.name.removeprefix("aten::")
    packet = getattr(torch.ops.aten, name.removesuffix("_"), None)
    found = getattr(packet, op._overloadname, None)
    written = [a.name for a in op._schema.arguments if a.alias_info is not None and a.alias_info.is_write]
    if found is None or written != [op._schema.arguments[0].name]:
        raise CaptureError(f"{op} writes into its argument, and has no twin that returns")
    return found


#: Emits a node of the program: op, arguments, and the traced node that it stands for.
Emit = Callable[[Any, tuple[Any, ...], dict[str, Any], fx.Node], Any]


@dataclass(eq=False)
class _View:
    """A traced node as a view: the node whose memory it shows, and the ops that lead there."""

    root: fx.Node
    chain: tuple[Any, ...] = ()
    links: tuple[tuple[Any, ...], ...] = ()
    seen: int = 0


@dataclass(eq=False)
class Aliases:
    """What each traced node is worth now, in the program's terms."""

    emit: Emit
    now: dict[fx.Node, Any] = field(default_factory=dict)
    _views: dict[fx.Node, _View] = field(default_factory=dict)
    _written: dict[fx.Node, int] = field(default_factory=dict)

    def define(self, node: fx.Node, value: Any) -> None:
        """A traced node has a value, and may be a view of its first argument."""
        self.now[node] = value
        source = node.args[0] if node.args else None
        if isinstance(source, fx.Node) and shares_memory(node, source) and self._views_or_tensor(source):
            below = self._views.get(source) or _View(source)
            links = (*below.links, tuple(node.args[1:]))
            self._views[node] = _View(below.root, (*below.chain, node.target), links, self._version(below.root))

    def _views_or_tensor(self, source: fx.Node) -> bool:
        """An item of a list looks into another tensor only where the whole list does."""
        return source in self._views or isinstance(source.meta.get("val"), torch.Tensor)

    def read(self, node: fx.Node) -> Any:
        """The value that a traced node has now: made anew when what it looks into was written."""
        view = self._views.get(node)
        if view is not None and view.seen < self._version(view.root):
            value = self.now[view.root]
            for op, args in zip(view.chain, view.links, strict=True):
                value = self.emit(op, (value, *args), {}, node)
            self.now[node] = value
            view.seen = self._version(view.root)
        return self.now[node]

    def write(self, node: fx.Node, target: fx.Node, value: Any) -> None:
        """The traced in-place op `node` writes `value` into `target`; it returns what it wrote."""
        view = self._views.get(target) or _View(target)
        if view.chain:
            links = [list(args) for args in view.links]
            value = self.emit(WriteView(view.chain), (self.now[view.root], value, links), {}, node)
        self.now[view.root] = value
        self._written[view.root] = self._version(view.root) + 1
        self._views[node] = _View(view.root, view.chain, view.links)
        self.now[node] = value

    def _version(self, root: fx.Node) -> int:
        return self._written.get(root, 0)


def shares_memory(node: fx.Node, other: fx.Node) -> bool:
    """True when the traced tensors of two nodes have one storage."""
    left, right = _first_tensor(node.meta.get("val")), _first_tensor(other.meta.get("val"))
    if left is None or right is None:
        return False
    try:
        return bool(left.untyped_storage()._cdata == right.untyped_storage()._cdata)
    except (NotImplementedError, RuntimeError):  # a tensor without storage of its own cannot be written through
        return False


def _first_tensor(value: Any) -> torch.Tensor | None:
    if isinstance(value, list | tuple):
        value = next((v for v in value if isinstance(v, torch.Tensor)), None)
    return value if isinstance(value, torch.Tensor) else None
