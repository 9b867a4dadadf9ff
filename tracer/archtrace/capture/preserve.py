"""A user's live module comes back as it was, whatever its forward does or raises.

A module that can be copied is traced as a copy; one that cannot (locks, pruned weights, wrappers) is borrowed: before
each run its state is copied, and after it everything is put back, field by field.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from types import FunctionType, MethodType, ModuleType
from typing import Any, ParamSpec, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

import torch

#: One trace at a time: initialisers, dispatch modes, default dtype and fakes in place of parameters are of the process,
#: not of a thread. Re-entrant, since a trace captures more than once.
TURN = threading.RLock()

#: Puts a borrowed module into the state in which it is run.
Settle: TypeAlias = Callable[[], object]

_BORROWED: WeakKeyDictionary[torch.nn.Module, Settle] = WeakKeyDictionary()
#: How deep objects in attributes are looked into: a module's config, a config in it, a table of that one.
_DEPTH = 4
_Container: TypeAlias = "dict[Any, object] | list[object] | set[object] | deque[object]"
_CONTAINERS = (dict, list, set, deque)
#: Objects whose inside is not the state of a module.
_OPAQUE = (type, ModuleType, FunctionType, MethodType, torch.Tensor, torch.nn.Module)
#: What most attributes are: types without anything inside, checked first.
_PLAIN = frozenset({type(None), bool, int, float, str, FunctionType, torch.Tensor, torch.nn.Parameter, torch.dtype})


P = ParamSpec("P")
R = TypeVar("R")


def in_turn(function: Callable[P, R]) -> Callable[P, R]:
    """The same function, which waits while another thread traces."""

    @wraps(function)
    def locked(*args: P.args, **kwargs: P.kwargs) -> R:
        with TURN:
            return function(*args, **kwargs)

    return locked


def borrow(module: torch.nn.Module, settle: Settle) -> torch.nn.Module:
    """The same module, which is run in place: `settle` prepares it for each run, after which it is restored."""
    _BORROWED[module] = settle
    return module


@contextmanager
def restored(module: torch.nn.Module) -> Iterator[None]:
    """A module may be changed at will meanwhile: its attributes, tables, configs and hooks come back as they were."""
    # Containers are copied, not tensors: what is written into a tensor is taken back by the run itself.
    copies = list(_state(module))
    try:
        _BORROWED.get(module, bool)()
        yield
    finally:
        for container, before in copies:
            _put_back(container, before)


def _state(module: torch.nn.Module) -> Iterator[tuple[_Container, _Container]]:
    """Each container that holds state, and a shallow copy of it."""
    visited: set[int] = set()
    for part in module.modules():
        yield from _containers(vars(part), visited, _DEPTH)


def _containers(value: object, visited: set[int], depth: int) -> Iterator[tuple[_Container, _Container]]:
    # A config may hold itself, a module its parent: each container is copied once.
    if id(value) in visited or depth == 0:
        return
    visited.add(id(value))
    if isinstance(value, _CONTAINERS):
        yield value, value.copy()
        inside: list[object] = list(value.values() if isinstance(value, dict) else value)
    elif isinstance(value, tuple):
        inside = list(value)
    elif isinstance(getattr(value, "__dict__", None), dict) and not isinstance(value, _OPAQUE):
        yield from _containers(vars(value), visited, depth)
        return
    else:
        return
    for item in inside:
        if type(item) not in _PLAIN:
            yield from _containers(item, visited, depth - 1)


def _put_back(container: _Container, before: _Container) -> None:
    # In place, since others may hold the container too: a config's dict is the module's.
    container.clear()
    if isinstance(container, set):
        container.update(before)
    elif isinstance(container, list | deque):
        container.extend(before)
    elif isinstance(before, dict):
        container.update(before)


def bound_elsewhere(module: torch.nn.Module) -> bool:
    """Whether a function that a module holds has tensors or modules in its closure.

    A copy of the module would go on calling the original there, with parameters that have values.
    """
    return any(
        isinstance(cell, torch.Tensor | torch.nn.Module | MethodType)
        for part in module.modules()
        for function in _functions(vars(part))
        for cell in _closure(function)
    )


def _functions(table: Mapping[str, object]) -> Iterator[FunctionType]:
    """The functions among a module's attributes, and among its hooks."""
    for value in table.values():
        if isinstance(value, FunctionType):
            yield value
        elif isinstance(value, dict):
            yield from (item for item in value.values() if isinstance(item, FunctionType))


def _closure(function: FunctionType) -> Iterator[object]:
    for cell in function.__closure__ or ():
        try:
            contents: object = cell.cell_contents
            yield contents
        except ValueError:  # a name that is not yet bound
            continue
