"""Tokens as values: ids, what is computed from them, and where that is structure and not flow.

An ordinary id stands for any id. A comparison with a constant is structure, since that makes the constant a special id;
whatever else is done with an id is flow: a look-up, a one-hot, a count, an argmax over ids. Yet the layout has ids, so
an index that is computed from them is known, and the tokens flow through it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from archtrace.capture.decisions import Decision
from archtrace.capture.execute import size_deciders
from archtrace.capture.nested import within
from archtrace.capture.program import Node, Ref, substitute
from archtrace.errors import LayoutError
from archtrace.ops import EQUALITIES, INDICES, KEEP_IDS, ORDERS, TRUTHS
from archtrace.reach.known import evaluate, in_this_layout, shape_lenders, without_values
from archtrace.reach.rules.registry import Output, Transfer
from archtrace.reach.values import Unknown, Value

#: A comparison with more constants than this is no look for special ids: a one-hot is written so too.
MOST_SPECIAL = 16


def special_ids(node: Node, values: Sequence[Value]) -> frozenset[int]:
    """The constants with which a node compares ids; empty where it does not."""
    sides: list[Value] = [substitute(argument, values.__getitem__) for argument in node.args[:2]]
    if node.op in EQUALITIES and len(sides) == 2:
        other = sides[1] if _are_ids(sides[0]) else sides[0] if _are_ids(sides[1]) else None
        constants = _constants(other)
        return constants if len(constants) <= MOST_SPECIAL else frozenset()
    if not sides or not _are_ids(sides[0]):
        return frozenset()
    # `ids > 0` and `ids.bool()` ask of 0 alone. `ids > 30` splits the vocabulary, and so is flow: an adaptive
    # embedding does it.
    zero = node.op in ORDERS and _constants(sides[1]) == {ORDERS[node.op]}
    truth = node.op in TRUTHS and node.results is not None and node.results[0][1] == torch.bool
    return frozenset({0}) if zero or truth else frozenset()


def _are_ids(value: Value) -> bool:
    return isinstance(value, Unknown) and value.ids


def _constants(value: Value) -> frozenset[int]:
    if isinstance(value, torch.Tensor):
        return frozenset() if value.is_floating_point() else frozenset(map(int, value.flatten().tolist()))
    return frozenset({value}) if isinstance(value, int) else frozenset()


def with_reals(node: Node, values: Sequence[Value], outputs: Sequence[Output]) -> list[Output]:
    """Outputs of a step, with what they are in this layout where tokens alone decide it."""
    lent = shape_lenders(node)
    operands = [v for ref in node.refs if ref not in lent for v in _as_list(values[ref])]
    # If parameters have a part in an operand, the result is unknown; one that only lends its shape does not count.
    if not any(isinstance(v, Unknown) for v in operands) or any(_is_undetermined(v) for v in operands):
        return list(outputs)
    try:
        reals = {r: without_values(values[r]) if r in lent else in_this_layout(values[r]) for r in node.refs}
        results = _as_list(evaluate(node, reals))
    except LayoutError:  # the op itself ran while it was recorded; in float64, or on another type, it may not
        return list(outputs)
    ids = node.op in KEEP_IDS and all(v.ids for v in operands if isinstance(v, Unknown))
    return [
        replace(o, real=r, ids=ids and not r.is_floating_point())
        if isinstance(o, Unknown) and isinstance(r, torch.Tensor) and tuple(r.shape) == o.shape
        else o
        for o, r in zip(outputs, results, strict=False)
    ]


def _as_list(value: Value) -> list[Value]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _is_undetermined(value: Value) -> bool:
    return isinstance(value, Unknown) and value.real is None


def indices_of(node: Node, values: Sequence[Value]) -> frozenset[int]:
    """The operands of a node that are indices, and known in the layout or by what stands for them."""
    places = INDICES.get(node.op, ())
    arguments = [node.args[p] for p in places if p < len(node.args)]
    refs = [ref for argument in arguments for ref in within(argument, Ref)]
    unknown = {r.index: v for r in refs if isinstance(v := values[r.index], Unknown)}
    return frozenset(index for index, value in unknown.items() if in_layout(value) is not None)


def decides(node: Node, values: Sequence[Value]) -> frozenset[int]:
    """The operands whose values decide at a node how the program goes on, though the layout does not fix them.

    What Python takes out of a tensor does, and what a size depends on that ids decide: Python may look at the size.
    """
    unknown = {ref: value for ref in node.refs if isinstance(value := values[ref], Unknown)}
    if isinstance(node.target, Decision) or not unknown:
        return frozenset(unknown)
    sized = {
        ref: value for ref in size_deciders(node) if (value := unknown.get(ref)) is not None and value.real is not None
    }
    by_number = node.op == "aten::index"  # an index by numbers is as large as they are many, one by a mask is not
    return frozenset(r for r, v in sized.items() if not by_number or v.dtype in (torch.bool, torch.uint8))


def in_layout(value: Unknown) -> torch.Tensor | None:
    """An index as it is in this layout, or what stands for it where parameters select; None where neither is."""
    return value.real if value.real is not None else value.standin


def through_index(by_known_index: Transfer, by_any_index: Transfer, node: Node, indices: frozenset[int]) -> Transfer:
    """Data flow where the known index leads; tokens flow through the index itself, wherever it may lead."""
    flows = tuple(
        (*data_flows, *((slot, flow) for slot, flow in any_flows if node.refs[slot] in indices))
        for data_flows, any_flows in zip(by_known_index.flows, by_any_index.flows, strict=True)
    )
    return Transfer(by_any_index.outputs, flows, by_known_index.narrowed and by_any_index.narrowed)
