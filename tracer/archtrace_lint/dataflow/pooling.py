"""Maxima and softmaxes over hidden states, with the dim along which they run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache

from archtrace_lint.dataflow.abstract_values import AbstractValue, AbstractValues, Hidden, has, only
from archtrace_lint.dataflow.events import Pool
from archtrace_lint.dataflow.operations import TensorCall
from archtrace_lint.dataflow.site import Site
from archtrace_lint.dataflow.spellings import word_set
from archtrace_lint.source.syntax import last_word, statements

MAXIMA = word_set("max amax reduce_max")


def emit_pool(site: Site) -> None:
    """Emit an event for `h.max(1)`, `torch.softmax(h, dim=1)`, and `self.weigh(h)` if that ends in a softmax."""
    if site.name in MAXIMA and has(site.tensor, Hidden):
        _emit(site, "max", site.tensor, TensorCall(site.node, AbstractValue(), site.rest, site.keywords).dim)
    elif site.name == "softmax" and has(site.tensor, Hidden) and (site.library or site.base):
        _emit(site, "softmax", site.tensor, TensorCall(site.node, AbstractValue(), site.rest, site.keywords).dim)
    elif site.arguments and has(site.arguments[0], Hidden):
        # The usual head of the CommonLit competition: `self.attention = nn.Sequential(…, nn.Softmax(dim=1))`.
        for dim in _own_softmax(site):
            _emit(site, "softmax", site.arguments[0], dim)


def _emit(site: Site, operation: str, target: AbstractValues, dim: object) -> None:
    frame, sure = site.frame, any(h.sure for h in only(target, Hidden))
    frame.emit(Pool(site.node, frame.scope(), operation, target, dim, frame.mask_in_sight(text=sure)))


def _own_softmax(site: Site) -> Iterator[int]:
    """The dim of the softmax, if the called module of the class is one or ends in one."""
    func, owner = site.node.func, site.frame.owner
    # A walk over the class, so only in a file that names a softmax.
    if not site.frame.file.mentions_softmax:
        return
    if owner and isinstance(func, ast.Attribute) and last_word(func.value) == "self":
        yield from (dim for name, dim in _softmaxes(owner) if name == func.attr)


@lru_cache(maxsize=8)
def _softmaxes(owner: ast.ClassDef) -> tuple[tuple[str, int], ...]:
    """Pairs of attribute and dim: of `nn.Softmax(dim=1)`, and of an `nn.Sequential` that ends in one."""
    return tuple(
        (node.targets[0].attr, dim)
        for node in statements(owner)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute)
        for dim in _dim_of(node.value)
    )


def _dim_of(value: ast.expr) -> Iterator[int]:
    if isinstance(value, ast.Call) and last_word(value.func) == "Sequential" and value.args:
        yield from _dim_of(value.args[-1])
    elif isinstance(value, ast.Call) and last_word(value.func) == "Softmax":
        for dim in (*value.args, *(k.value for k in value.keywords if k.arg == "dim")):
            if isinstance(dim, ast.Constant) and isinstance(dim.value, int):
                yield dim.value
            # In the tree -2 is a minus before a 2, and no literal.
            elif ast.unparse(dim) == "-2":
                yield -2
