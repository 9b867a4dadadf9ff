"""Hidden states whose pads were set to zero, and those of which some tokens alone were taken."""

from __future__ import annotations

from dataclasses import replace

from archtrace_lint.dataflow.abstract_values import AbstractValues, Hidden, Tokens, constant


def weighed(hidden: Hidden, weights: AbstractValues) -> Hidden:
    """`hidden * weights`: of a mask, the pads are 0 from then on. Other weights may well make up for the length.

    A number that is written out changes neither.
    """
    # `0.5 * kept` leaves zeros where they are, and a mean over them counts them as before.
    literal = constant(weights) is not ...
    by_mask = any(isinstance(w, Tokens) and w.attended for w in weights)
    return replace(hidden, masked=hidden.masked or not literal, zeroed=by_mask or (hidden.zeroed and literal))


def overwritten(hidden: Hidden, mask: AbstractValues, value: AbstractValues) -> Hidden:
    """`hidden.masked_fill(mask, value)`: the pads are 0 where a mask of them is given, and that number."""
    # Filled with -inf or nan, pads are out of a maximum and of `nanmean`: masked, and nothing to be counted.
    pads = any(isinstance(m, Tokens) and not m.attended for m in mask)
    return replace(hidden, masked=True, zeroed=pads and constant(value) == 0)


def narrowed(hidden: Hidden, *, some: bool) -> Hidden:
    """`hidden[:, 1:5]`: whether any of `some` tokens are pads is not known."""
    return replace(hidden, masked=True, zeroed=False) if some else hidden
