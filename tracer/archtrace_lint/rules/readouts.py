"""Shared by the rules on indices: where an index reads hidden states, and how messages show an expression."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeVar

from archtrace_lint.dataflow import events
from archtrace_lint.dataflow.abstract_values import Count, FirstPad, Hidden, HighestId, has, only
from archtrace_lint.dataflow.events import Gather, SourceModule
from archtrace_lint.dataflow.spellings import word_set

Index = TypeVar("Index", Count, FirstPad, HighestId)

#: Methods and functions that change only the type or the device of a mask.
CASTS = word_set("to int long float bool type type_as astype")


def index_reads(module: SourceModule, kind: type[Index]) -> Iterator[tuple[ast.expr, events.Scope, Gather]]:
    """Expressions of an index of this kind that reads hidden states or logits: the guard of every index rule."""
    for gather in module.events_of(Gather):
        # Without this, AT001 has 7 hits in transformers 5.23.0 of which none is a readout (`shift_tokens_right`,
        # audio).
        if has(gather.target, Hidden):
            expressions = {
                i.index_expression
                for i in only(gather.index, kind)
                if i.index_expression is not None and _is_token_index(i, gather)
            }
            for expression in sorted(expressions, key=lambda e: (e.lineno, e.col_offset)):
                yield expression, gather.scope, gather


def _is_token_index(index: Index, gather: Gather) -> bool:
    """Not a count of pads, and not one of rows without pads, which is right; an ambiguous name needs text in scope."""
    if isinstance(index, Count) and (index.unpadded or not index.attended):
        return False
    weak = isinstance(index, Count | FirstPad) and index.weak
    return not weak or gather.scope.has_text or any(h.kind in ("hidden", "logits") for h in only(gather.target, Hidden))


def abbreviated(node: ast.AST, width: int = 25) -> str:
    """An expression shortened to its beginning and its end, so that a message fits on one line."""
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= width else f"{text[: width - 7]}…{text[-6:]}"


def without_casts(node: ast.expr) -> ast.expr:
    """An expression without the casts around it."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CASTS:
        node = node.func.value
    return node
