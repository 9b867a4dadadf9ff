"""Carriers: nodes whose integers still tell which token they stand for."""

from __future__ import annotations

import torch

from archtrace.capture.program import Kind, Node, Program
from archtrace.reach.rules.transforms import SHAPE_ONLY

#: Ops whose second argument lends its shape or type alone.
LENDERS = frozenset({"aten::type_as", "aten::expand_as", "aten::view_as", "aten::reshape_as", "aten::to"})


def carrier_nodes(program: Program) -> frozenset[int]:
    """Nodes whose integers may still tell which token they stand for: ids, and what is computed from them.

    A comparison does not: where padding is, and where eos is, are facts of the layout.
    Nor does a mask, or a count of tokens, one number a row.
    """
    found: set[int] = set()
    for node in program.nodes:
        integer = node.results is not None and any(_counts(dtype) for _, dtype in node.results)
        if node.kind is Kind.INPUT:
            carries = integer and "mask" not in node.target and _has_positions(node)
        else:
            given = node.refs[:1] if node.op in LENDERS else node.refs
            carries = integer and node.op not in SHAPE_ONLY and any(ref in found for ref in given)
        if carries:
            found.add(node.index)
    return frozenset(found)


def _has_positions(node: Node) -> bool:
    return node.results is None or any(len(shape) > 1 for shape, _ in node.results)


def _counts(dtype: torch.dtype) -> bool:
    return not dtype.is_floating_point and not dtype.is_complex and dtype != torch.bool


def embeds(node: Node, carriers: frozenset[int]) -> bool:
    """True where ids become features: looked up in a table, or turned into floating point."""
    if not any(ref in carriers for ref in node.refs):
        return False
    floats = node.results is not None and any(dtype.is_floating_point for _, dtype in node.results)
    return node.op == "aten::embedding" or (floats and node.op not in SHAPE_ONLY)
