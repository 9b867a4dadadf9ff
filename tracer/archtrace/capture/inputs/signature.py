"""The inputs of a forward, also where its parameters alone do not name them: keys of a batch, parts of a tuple,
`*inputs`, `**batch`.

The annotation of a batch names its parts (a dataclass, a named tuple, a TypedDict); else the code that reads it does:
`batch["input_ids"]`, `batch.get("mask")`, `ids, mask = batch`, `self.encoder(**batch)`.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
import typing
from collections import UserDict
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from typing import TypeAlias

import torch

from archtrace.capture.nested import Args, Kwargs
from archtrace.capture.program import Operation

#: By name, whether a forward requires an input.
Names: TypeAlias = dict[str, bool]
_Forward: TypeAlias = Callable[..., object]
_STARRED = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
#: Attributes of a batch that are none of its parts.
_METHODS = {"get", "items", "keys", "values", "pop", "update", "copy", "to", "data", "device"}


class Batch(dict[str, object]):
    """A batch whose parts are keys and attributes alike, as those of a tokenizer are; it is on the right device."""

    def __getattr__(self, name: str) -> object:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def to(self, *args: object, **kwargs: object) -> Batch:
        """Itself."""
        del args, kwargs
        return self


def inputs_of(forward: _Forward, given: Collection[str] = ()) -> Names:
    """The inputs of a forward, with the parts of a batch in place of the batch.

    Where nothing names the parts, they are those that are `given`.
    """
    parameters = inspect.signature(forward).parameters
    named = _named(parameters)
    packed = _packed(forward, given)
    if packed is None:
        return named
    parts = _parts(forward, packed) or {n: True for n in given if n not in parameters}
    return {n: r for n, r in named.items() if n != packed or not parts} | {n: parts[n] for n in parts if n not in named}


def _named(parameters: Mapping[str, inspect.Parameter]) -> Names:
    return {n: p.default is p.empty for n, p in parameters.items() if p.kind not in _STARRED}


def arrange_arguments(forward: _Forward, arguments: Mapping[str, object]) -> tuple[Args, Kwargs]:
    """Arguments by name as a forward takes them: as they are, or packed into its one batch."""
    parameters = inspect.signature(forward).parameters
    loose = {n: value for n, value in arguments.items() if n not in parameters}
    packed = _packed(forward, loose) if loose else None
    if packed is None or parameters[packed].kind is inspect.Parameter.VAR_KEYWORD:
        return (), dict(arguments)
    order = [n for n in _parts(forward, packed) if n in loose]
    ordered = {n: loose[n] for n in [*order, *(n for n in loose if n not in order)]}
    if parameters[packed].kind is inspect.Parameter.VAR_POSITIONAL:
        return tuple(ordered.values()), {}
    named = {n: value for n, value in arguments.items() if n in parameters}
    return (), {packed: _pack(forward, packed, ordered), **named}


def _packed(forward: _Forward, given: Collection[str]) -> str | None:
    """The parameter that takes several inputs as one: starred where there is nothing else, or the only required one."""
    parameters = inspect.signature(forward).parameters
    named = _named(parameters)
    if parameters and not named:
        return list(parameters)[-1]
    needed = [n for n, required in named.items() if required]
    if len(needed) != 1 or needed[0] in given or len(named) < len(parameters):
        return None
    loose = any(n not in parameters for n in given)
    return needed[0] if loose or _parts(forward, needed[0]) else None


def _pack(forward: _Forward, packed: str, parts: Mapping[str, object]) -> object:
    """One value of the parts, as the annotation wants it, or the code that unpacks it."""
    kind = _annotation(forward, packed)
    if isinstance(kind, type) and (dataclasses.is_dataclass(kind) or hasattr(kind, "_fields")):
        make: Operation = kind
        return make(**parts)
    if isinstance(kind, type) and issubclass(kind, UserDict):
        return kind(dict(parts))
    owner = _owner(forward)
    unpacked = owner is not None and _read(owner, forward.__name__, packed).unpacks
    return tuple(parts.values()) if kind in (tuple, list) or unpacked else Batch(parts)


def _annotation(forward: _Forward, packed: str) -> object:
    """The annotation of a parameter, without type arguments; None where there is none that can be evaluated."""
    try:
        annotation: object = typing.get_type_hints(forward).get(packed)
    except Exception:  # names that are there for a type checker alone
        return None
    return typing.get_origin(annotation) or annotation


def _parts(forward: _Forward, packed: str) -> Names:
    """The parts of a batch, by annotation or by the code that reads it; empty where neither tells."""
    kind = _annotation(forward, packed)
    if typing.is_typeddict(kind):
        required: frozenset[str] = getattr(kind, "__required_keys__", frozenset())
        annotations: Mapping[str, object] = getattr(kind, "__annotations__", {})
        return {n: n in required for n in annotations}
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        missing = dataclasses.MISSING
        return {f.name: f.default is missing and f.default_factory is missing for f in dataclasses.fields(kind)}
    if isinstance(kind, type) and hasattr(kind, "_fields"):
        return {n: n not in getattr(kind, "_field_defaults", {}) for n in getattr(kind, "_fields", ())}
    owner = _owner(forward)
    if owner is None:
        return {}
    reading = _read(owner, forward.__name__, packed)
    module: object = getattr(forward, "__self__", None)
    inner: _Forward | None = getattr(getattr(module, reading.through or "_", None), "forward", None)
    return reading.names or ({} if inner is None else inputs_of(inner))


def _owner(forward: _Forward) -> type | None:
    """The class that a forward is of."""
    owner: object = getattr(forward, "__self__", None)
    return type(owner) if owner is not None else None


@cache
def _read(owner: type, method: str, packed: str) -> _Reading:
    """What a class reads of a batch."""
    reading = _Reading(packed)
    for function in _functions(owner, method, packed):
        reading.visit(function)
    return reading


def _functions(owner: type, method: str, packed: str) -> Iterator[ast.AST]:
    """The methods that a batch is given to under its name, the forward first."""
    tables: list[Mapping[str, object]] = [vars(kind) for kind in reversed(owner.__mro__)]
    own = {n: f for table in tables for n, f in table.items() if inspect.isfunction(f)}
    for name in sorted(own, key=lambda n: n != method):
        function = inspect.unwrap(own[name])
        code = function.__code__ if inspect.isfunction(function) else None
        if code is not None and packed in code.co_varnames[: code.co_argcount + 2]:
            try:
                yield ast.parse(textwrap.dedent(inspect.getsource(function)))
            except (OSError, SyntaxError):  # no source, or one that does not stand alone
                continue


class _Reading(ast.NodeVisitor):
    """The parts that are read of one name, whether it is unpacked, and the module that all of it is handed to."""

    def __init__(self, packed: str) -> None:
        self.packed = packed
        self.names: Names = {}
        self.unpacks, self.through = False, ""

    def _is_batch(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Name) and node.id == self.packed

    def visit_Subscript(self, node: ast.Subscript) -> None:
        """batch["input_ids"]"""
        if self._is_batch(node.value) and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
            self.names[node.slice.value] = True
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """batch.input_ids"""
        if self._is_batch(node.value) and node.attr not in _METHODS and not hasattr(torch.Tensor, node.attr):
            self.names[node.attr] = True
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        """ "mask" in batch"""
        key = node.left.value if isinstance(node.left, ast.Constant) else None
        if isinstance(key, str) and self._is_batch(node.comparators[0]):
            self.names.setdefault(key, False)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """batch.get("mask"), self.encoder(**batch), self.encoder(*inputs)"""
        function = node.func
        if isinstance(function, ast.Attribute) and self._is_batch(function.value) and function.attr in ("get", "pop"):
            key = node.args[0] if node.args else None
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                self.names.setdefault(key.value, False)
        handed = [k.value for k in node.keywords if k.arg is None]
        handed += [a.value for a in node.args if isinstance(a, ast.Starred)]
        if any(map(self._is_batch, handed)) and isinstance(function, ast.Attribute) and not self.through:
            self.through = function.attr
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        """ids, mask = batch"""
        target = node.targets[0]
        if self._is_batch(node.value) and isinstance(target, ast.Tuple | ast.List):
            self.unpacks = True
            self.names |= {part.id: True for part in target.elts if isinstance(part, ast.Name)}
        self.generic_visit(node)
