"""Transforms over whole axes, and ops that tell only of shapes."""

from __future__ import annotations

from archtrace.ops import TRANSFORMS
from archtrace.reach.rules.contractions import letters, reach, with_new_axes
from archtrace.reach.rules.masks import scale_of_elements
from archtrace.reach.rules.registry import Call, Transfer, rule, single


@rule(*TRANSFORMS)
def transform(call: Call) -> Transfer:
    """Each coefficient along the transformed axes is a sum over all of them."""
    operand = call.operands[0]
    names = letters(len(operand.value.shape))
    out = with_new_axes(names, call.axes(len(names)))
    return single(call, reach(out, (operand, names)), scale=scale_of_elements(call))
