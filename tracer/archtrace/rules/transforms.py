"""Transforms over whole axes, and ops that tell only of shapes."""

from __future__ import annotations

from archtrace.flows import Contraction
from archtrace.rules.axes import SPARE, letters, normal
from archtrace.rules.registry import Call, Step, rule, single

TRANSFORMS = "fft_fft fft_ifft fft_rfft fft_irfft fft_hfft fft_fft2 fft_ifft2 fft_fftn fft_ifftn fft_rfftn".split()


@rule(*TRANSFORMS)
def transform(call: Call) -> Step:
    """Each coefficient along the transformed axes is a sum over all of them."""
    operand = call.operands[0]
    inn = letters(len(operand.value.shape))
    axes = normal(call["dim"], len(inn))
    out = "".join(SPARE[i] if i in axes else a for i, a in enumerate(inn))
    return single(call, ((operand.slot, Contraction(inn, out)),))


#: Ops whose result depends on the shape of an operand and not on its elements.
SHAPE_ONLY = frozenset(
    f"aten::{n}"
    for n in """
    zeros_like ones_like full_like empty_like new_zeros new_ones new_full new_empty rand_like randn_like
    new_empty_strided sym_size size sym_numel
    """.split()
)
