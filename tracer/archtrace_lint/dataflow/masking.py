"""Hidden states whose pads were set to zero, and slices of their tokens."""

from __future__ import annotations

from dataclasses import replace

from archtrace_lint.dataflow.abstract_values import AbstractValues, Hidden, Tokens, constant


def multiply_by_weights(hidden: Hidden, weights: AbstractValues) -> Hidden:
    """`hidden * weights`: after a mask the pads are 0; other weights may well correct for the length.

    A literal number changes neither.
    """
    # `0.5 * masked` leaves the zeros in place, and a mean counts them as before.
    literal = constant(weights) is not ...
    by_mask = any(isinstance(w, Tokens) and w.attended for w in weights)
    return replace(hidden, masked=hidden.masked or not literal, zeroed=by_mask or (hidden.zeroed and literal))


def fill_masked(hidden: Hidden, mask: AbstractValues, value: AbstractValues) -> Hidden:
    """`hidden.masked_fill(mask, value)`: the pads are 0 if `mask` is a mask of pads and `value` is 0."""
    # Filled with -inf or nan, pads take no part in a maximum or in `nanmean`: masked, and not zeroed.
    pads = any(isinstance(m, Tokens) and not m.attended for m in mask)
    return replace(hidden, masked=True, zeroed=pads and constant(value) == 0)


def slice_tokens(hidden: Hidden, *, partial: bool) -> Hidden:
    """`hidden[:, 1:5]`: a `partial` slice may be free of pads, so it counts as masked."""
    return replace(hidden, masked=True, zeroed=False) if partial else hidden
