"""Checkpoint: what is wrong with a model and its tokenizer, whatever the texts are."""

from __future__ import annotations

from collections.abc import Iterator

import archtrace.capture.inputs.layouts as lay
from archtrace.answer.diagnosis import Fault
from archtrace.setup.model_and_input import Setup
from archtrace.setup.pad_id import pad_field, refusal_without_pad_id


def faults(setup: Setup) -> Iterator[Fault]:
    """Ids that the model's embedding has no row for, and a config without the pad id that the model needs."""
    vocabulary = {} if setup.tokenizer is None else setup.tokenizer.get_vocab()
    rows, size = lay.vocabulary_size(setup.config_or_module), max(vocabulary.values(), default=-1) + 1
    if rows is not None and size > rows:
        change = (
            "model.resize_token_embeddings(len(tokenizer))  # or take the tokenizer that the model was trained with"
        )
        yield Fault("vocabulary", f"ids up to {size - 1}", f"ids below {rows}, as many as the model has", change)
    if refusal := refusal_without_pad_id(setup.trace):
        where = pad_field(setup.trace.config).rpartition(".")[0]
        part = f"its {where}, which the head asks," if where else "the config"
        read = f"no pad id in {part} and the model refuses a batch: {refusal}"
        yield Fault("no-pad-id", read, "padding that the model can tell from the text", setup.pad_id_line)
