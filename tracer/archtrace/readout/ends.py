"""Ends: whether the token that ends a text passes for padding, because both have one id."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archtrace.answer.result import Finding, Readout
from archtrace.capture.inputs.layouts import Vocabulary
from archtrace.readout.analysis import Analysis

#: The layout without padding, each row of which ends with eos.
WHOLE = "full"


def skipped_ends(analysis: Analysis, vocabulary: Vocabulary, readouts: Sequence[Readout]) -> Iterator[Finding]:
    """A readout that tells padding by id and, of texts without any, reads the token before the eos that ends them."""
    if vocabulary.pad is None or vocabulary.pad != vocabulary.eos or WHOLE not in analysis.positions:
        return
    ends = analysis.layouts[WHOLE][analysis.ids][:, -1]
    for readout in readouts:
        rows = analysis.positions[WHOLE].reads.get(readout.tensor, ())
        # Another id at the end would be read: only an eos is taken for a pad.
        skipped = bool((ends == vocabulary.eos).all()) and all(row == (analysis.length - 2,) for row in rows)
        if rows and skipped and analysis.ids in readout.index.depends_on:
            what = f"pad_token_id is eos_token_id ({vocabulary.pad}): the eos that ends a text passes for padding"
            yield Finding("pad-is-eos", f"{what}, and the token before it is read; give padding an id of its own")
