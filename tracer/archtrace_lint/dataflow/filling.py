"""Tensors filled where a mask is true, and numbers used as minus infinity."""

from __future__ import annotations

import ast
import re

from archtrace_lint.dataflow.abstract_values import UNKNOWN
from archtrace_lint.dataflow.events import Fill
from archtrace_lint.dataflow.site import Site
from archtrace_lint.dataflow.spellings import word_set
from archtrace_lint.source.syntax import last_word

FILLS = word_set("masked_fill masked_fill_")

#: Numbers from here on count as infinity: no score comes near.
AS_INFINITE = 1e3

_LOW_NAMES = re.compile(r"_?(neg(ative)?|minus)_?inf(inity)?_?|min_value", re.IGNORECASE)
_HIGH_NAMES = word_set("inf infty Inf")


def emit_fill(site: Site) -> None:
    """Emit an event for `x.masked_fill(mask, value)` and `torch.where(mask, value, x)`."""
    if site.name != "where" and site.name not in FILLS:
        return
    nodes = [*site.node.args, *(k.value for k in site.node.keywords)]
    # `torch.masked_fill(x, mask, value)` has the tensor among its arguments, the method has not.
    if site.name in FILLS and len(nodes) == 2 + site.library:
        mask = site.rest[0] if site.rest else site.keywords.get("mask", UNKNOWN)
        site.frame.emit(Fill(nodes[-2], site.frame.scope(), site.tensor, mask, nodes[-1]))
    elif site.name == "where" and site.library and len(site.arguments) == 3:
        mask, _, target = site.arguments
        site.frame.emit(Fill(nodes[0], site.frame.scope(), target, mask, nodes[1]))


def is_low(node: ast.expr) -> bool:
    """A number so low that softmax and maximum ignore the position: `-inf`, `-1e9`, `torch.finfo(...).min`."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return _is_high(node.operand)
    if isinstance(node, ast.Call) and node.args:
        # `float("-inf")`, `torch.tensor(-1e9)`.
        return is_low(node.args[0]) or _spells(node.args[0], "-inf")
    return last_word(node) == "min" or _LOW_NAMES.fullmatch(last_word(node)) is not None


def _is_high(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int | float) and node.value >= AS_INFINITE
    if isinstance(node, ast.Call):
        return bool(node.args) and _spells(node.args[0], "inf")
    return last_word(node) in _HIGH_NAMES or last_word(node) == "max"


def _spells(node: ast.expr, text: str) -> bool:
    return isinstance(node, ast.Constant) and str(node.value).lower().startswith(text)
