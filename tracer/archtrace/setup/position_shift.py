"""Position shift: whether padding moves a text to positions at which a model gives it other logits.

That the same token is read is not enough: counted from a row's first position, a text behind padding stands elsewhere.
Rotary and relative positions do not mind, learned ones do (and rotary ones behind a learned prompt, whose distance from
the text grows). So a small model of the same make runs with drawn parameters, on a text alone and behind padding: what
differs there differs in the model, whose program is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from functools import partial

import archtrace.capture.inputs.layouts as lay
from archtrace.capture.model import forward_of, is_library_model, parameter_count
from archtrace.readout.analysis import Inputs, Model
from archtrace.readout.text_inputs import layout_of
from archtrace.setup.id_rows import picked_positions
from archtrace.targets import prepare
from archtrace.targets.target import Make, Target
from archtrace.targets.tokenized import Encoded
from archtrace.tracing.trace import Trace
from archtrace.witness.pad_invariance import apart
from archtrace.witness.replay import outputs
from archtrace.witness.shrink import ENOUGH, LARGEST
from archtrace.witness.small_model import bundled, reduced, remembered

#: Tokens of a text that are run, from its front and its end, and how many pads: a small model has few positions.
FRONT, END, PADS = 3, 4, 5


def padding_shifts_logits(traced: Trace, batch: Encoded, special: Collection[int] = ()) -> bool | None:
    """Whether the padding of a batch changes what a text gives; None where no small model of it runs.

    The shortest text is run. `special`: ids that do not stand for each other.
    """
    row = min(range(len(batch.spans)), key=lambda n: batch.spans[n][1] - batch.spans[n][0])
    for make in _small(traced):
        try:
            model = make()
            layouts = [_layout(traced, model[0], _cut(batch, row, pads), special) for pads in (0, PADS)]
            return apart(*outputs(model, layouts, traced.analysis.programs.asked))
        except Exception:  # a stranger's class may refuse its config, and its model so short a row, as they like
            continue
    return None


def _small(traced: Trace) -> Iterator[Callable[[], Model]]:
    """What makes a model to run for the traced one: itself if it is small, its small models, itself for want of one."""
    own, target = traced.analysis.programs.model, traced.target
    size = parameter_count(own[0])
    if size > ENOUGH and target.config is not None:
        make = _maker(target)
        for overrides in (remembered(target), bundled().get(target.model_type or "")):
            if make and overrides:
                config = reduced(target.config, overrides)
                yield partial(prepare, replace(target, module=None, make=make, config=config))
    if size <= LARGEST:
        yield lambda: own


def _maker(target: Target) -> Make | None:
    """What makes the model from a config; of a live one its class, if that is the library's."""
    if target.module is None:
        return target.make
    return type(target.module) if is_library_model(target.module) else None


def _cut(batch: Encoded, row: int, pads: int) -> Encoded:
    """The front and the end of a row's text, with so many pads where it has padding."""
    (start, stop), length = batch.spans[row], len(batch.inputs[batch.ids][row])
    text = [*range(start, stop)]
    text = text if len(text) <= FRONT + END else [*text[:FRONT], *text[-END:]]
    where = [0] * pads * (start > 0) + text + [length - 1] * pads * (stop < length)
    first = pads * (start > 0)
    return replace(
        batch, inputs=picked_positions(batch.inputs, batch.ids, {row: where}), spans=((first, first + len(text)),)
    )


def _layout(traced: Trace, model: object, batch: Encoded, special: Collection[int]) -> Inputs:
    (row,), (start, stop) = batch.inputs[batch.ids], batch.spans[0]
    inputs = {**batch.inputs, batch.ids: [_within(row, range(start, stop), model, special)]}
    return layout_of(replace(batch, inputs=inputs).fitting(forward_of(traced.module)), traced.analysis)


def _within(ids: list[int], text: range, model: object, special: Collection[int]) -> list[int]:
    """The ids, with another one in place of each that a small vocabulary lacks; ValueError if that is padding."""
    rows = lay.vocabulary_size(getattr(model, "config", None) or model)
    if rows is None:
        return ids
    if any(i >= rows for p, i in enumerate(ids) if p not in text):
        raise ValueError("the small model has no row for padding")
    spare = next((i for i in range(rows) if i not in {*special, *ids}), 0)
    return [i if i < rows else spare for i in ids]
