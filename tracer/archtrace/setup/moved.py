"""Moved: whether padding moves a text to positions at which a model gives it other logits.

That the same token is read is not enough: counted from a row's first position, a text behind padding stands elsewhere.
Rotary and relative positions do not mind, learned ones do (and rotary ones behind a learned prompt, whose distance from
the text grows). So a small likeness of the model runs with drawn parameters, on a text alone and behind padding: what
differs there differs in the model, whose program is the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import archtrace.layouts as lay
from archtrace.capture.model import forward_of, parameter_count
from archtrace.readout.given import layout_of
from archtrace.readout.study import Inputs, Model
from archtrace.setup.batch import Looked
from archtrace.targets import prepare
from archtrace.targets.texts import Encoded
from archtrace.tracing import Trace
from archtrace.witness.alone import apart
from archtrace.witness.likeness import bundled, reduced, remembered
from archtrace.witness.replay import outputs
from archtrace.witness.shrink import LARGEST

#: Tokens of a text that are run, from its front and its end, and how many pads: a likeness has few positions.
FRONT, END, PADS = 3, 4, 5


def moves(traced: Trace, tokenizer: Any, alone: Sequence[Looked]) -> bool:
    """Whether the padding of this tokenizer changes what a text gives; False too where no likeness of the model runs.

    `alone`: the texts as they were read one by one, of which the shortest is run.
    """
    ids = min((each.ids(0) for each in alone), key=len)
    try:
        model = next(_small(traced))
        text = _within(ids if len(ids) <= FRONT + END else [*ids[:FRONT], *ids[-END:]], model[0], tokenizer)
        batches = [_layout(traced, tokenizer, rows) for rows in ([text], [text, [*text, *text[-1:] * PADS]])]
        first, second = outputs(model, batches, traced.study.programs.asked)
    except Exception:  # no likeness, no pad token; and a stranger's model may refuse so short a row as it likes
        return False
    return apart(first[:1], second[:1])


def _small(traced: Trace) -> Iterator[Model]:
    """The model itself where it is small enough to run, or the likeness that the trace has found."""
    own, target = traced.study.programs.model, traced.target
    if parameter_count(own[0]) <= LARGEST:
        yield own
    elif target.config is not None:
        for overrides in (remembered(target), bundled().get(target.model_type or "")):
            if overrides:
                yield prepare(replace(target, config=reduced(target.config, overrides)))


def _within(ids: Sequence[int], model: Any, tokenizer: Any) -> list[int]:
    """The ids, with another one in place of each that a small vocabulary lacks; ValueError if that is padding."""
    rows = lay.vocabulary_size(getattr(model, "config", None) or model)
    if rows is None:
        return list(ids)
    if tokenizer.pad_token_id >= rows:
        raise ValueError("the likeness has no row for padding")
    spare = next((i for i in range(rows) if i not in {*tokenizer.all_special_ids, *ids}), 0)
    return [i if i < rows else spare for i in ids]


def _layout(traced: Trace, tokenizer: Any, rows: list[list[int]]) -> Inputs:
    batch = Encoded(dict(tokenizer.pad({traced.study.ids: rows}, return_attention_mask=True)), (), ())
    return layout_of(batch.fitting(forward_of(traced.module)), traced.study)
