"""Nouns: what each kind of readout is called within a sentence, as after "is now" or "became". A row a kind."""

from __future__ import annotations

from collections.abc import Mapping

from archtrace.answer.result import KindName, Readout

#: {slice} and {tensor} are the readout's own.
NOUNS: Mapping[KindName, str] = {
    "first": "index 0 of {tensor}",
    "last": "the last index of {tensor}",
    "fixed": "{slice}",
    "last_non_pad": "the last position of {tensor} that is not padding",
    "last_eos": "the last eos token of {tensor}",
    "mean": "the mean of {tensor} over all positions",
    "masked_mean": "the masked mean of {tensor}",
    "max": "the maximum of {tensor}",
    "attention": "an attention over {tensor}",
    "latents": "the latents in {tensor}",
    "all": "all of {tensor}",
    "none": "nothing of {tensor}",
    "other": "{slice}",
}


def noun(readout: Readout) -> str:
    """What a readout is called."""
    return NOUNS[readout.kind].format(slice=readout.slice, tensor=readout.tensor)
