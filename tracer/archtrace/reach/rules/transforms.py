"""Transforms over whole axes, and ops that tell only of shapes."""

from __future__ import annotations

from archtrace.reach.rules.axes import letters, normal, reach, renewed
from archtrace.reach.rules.masks import unmasked
from archtrace.reach.rules.registry import Call, Step, named, rule, single

TRANSFORMS = named("fft_fft fft_ifft fft_rfft fft_irfft fft_hfft fft_fft2 fft_ifft2 fft_fftn fft_ifftn fft_rfftn")


@rule(*TRANSFORMS)
def transform(call: Call) -> Step:
    """Each coefficient along the transformed axes is a sum over all of them."""
    operand = call.operands[0]
    inn = letters(len(operand.value.shape))
    return single(call, reach(renewed(inn, normal(call["dim"], len(inn))), (operand, inn)), scale=unmasked(call))


#: Ops whose result depends on the shape of an operand and not on its elements.
SHAPE_ONLY = frozenset(
    named("""
    zeros_like ones_like full_like empty_like new_zeros new_ones new_full new_empty rand_like randn_like
    new_empty_strided sym_size size sym_numel
    """)
)
