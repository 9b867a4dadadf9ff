"""Classifiers that all allowed releases of transformers have: what they read, and that it is exact."""

from __future__ import annotations

import pytest
import transformers
from packaging.version import Version

import archtrace

FIRST = ("first", "last_hidden_state[:, 0]")
#: Until 4.48 the token in front of the first pad id; since 4.49 the last that has another id.
LAST_ID = (
    ("last_non_pad", "last_hidden_state[:, argmax(arange(s) * (input_ids != pad_token_id))]")
    if Version(transformers.__version__) >= Version("4.49")
    else ("other", "last_hidden_state[:, (argmax(input_ids == pad_token_id) - 1) % s]")
)
LAST_EOS = ("last_eos", "last_hidden_state[input_ids == eos_token_id][:, -1]")
#: Architecture -> kind and slice, as its source reads.
READS = {
    "Albert": FIRST,
    "Bart": LAST_EOS,
    "Bert": FIRST,
    "DebertaV2": FIRST,
    "DistilBert": FIRST,
    "Electra": FIRST,
    "GPT2": LAST_ID,
    "Llama": LAST_ID,
    "ModernBert": FIRST,
    "Qwen2": LAST_ID,
    "Roberta": FIRST,
    "T5": LAST_EOS,
}


@pytest.mark.parametrize("name", READS)
def test_what_it_reads(name: str) -> None:
    trace = archtrace.trace(f"{name}ForSequenceClassification")
    assert [(readout.kind, readout.slice) for readout in trace.readouts] == [READS[name]]
    assert trace.result.status == "exact"
